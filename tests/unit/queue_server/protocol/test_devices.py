"""Records of devices: which token counts, which details a device may tell, and what is never shown."""

from __future__ import annotations

import hashlib

import pytest

from queue_server.protocol.devices import (
    LONGEST_TOKEN,
    NO_TOKEN,
    DeviceDetails,
    DeviceToken,
    check_token,
    digest_token,
    read_device_id,
)
from queue_server.protocol.errors import ParameterError
from tests.doubles.registered_devices import DIGEST, OTHER_DIGEST, TOKEN, device, full_device

THIRD = digest_token("x" * 32)


def test_a_token_is_kept_as_the_digest_of_its_text():
    assert digest_token("é") == hashlib.sha256("é".encode()).hexdigest()
    assert digest_token("\ud800") != digest_token("")


@pytest.mark.parametrize(
    ("token", "now", "admitted"),
    [
        (DeviceToken(DIGEST), 0.0, {DIGEST}),
        (DeviceToken(DIGEST, OTHER_DIGEST, 10.0), 9.9, {DIGEST, OTHER_DIGEST}),
        (DeviceToken(DIGEST, OTHER_DIGEST, 10.0), 10.0, {DIGEST}),
    ],
)
def test_the_token_counts_and_the_one_before_until_its_end(token, now, admitted):
    assert {each for each in (DIGEST, OTHER_DIGEST, THIRD, "0" * 64) if token.admits(each, now)} == admitted


def test_a_rotation_forgets_what_was_before_the_token_until_now():
    twice = DeviceToken(DIGEST).rotated(OTHER_DIGEST, 5.0, 10.0).rotated(THIRD, 6.0, 10.0)
    assert twice == DeviceToken(THIRD, OTHER_DIGEST, 16.0)
    assert twice.rotated(DIGEST, 7.0, 0.0) == DeviceToken(DIGEST)


def test_a_token_does_not_show_itself():
    assert repr(DeviceToken(DIGEST, OTHER_DIGEST, 10.0)) == "DeviceToken(previous_until=10.0)"
    shown = str(full_device().shown()) + repr(full_device())
    assert DIGEST not in shown
    assert OTHER_DIGEST not in shown
    assert not NO_TOKEN.admits(digest_token(TOKEN), 0.0)


@pytest.mark.parametrize("token", ["x" * 32, "~!" * (LONGEST_TOKEN // 2), "a1" * 1024])
def test_a_token_that_is_long_enough_is_taken(token):
    check_token(token)


@pytest.mark.parametrize("token", ["x" * 31, "x" * (LONGEST_TOKEN + 1), " " + "x" * 40, "\n" * 40, "é" * 40])
def test_a_token_that_is_not_safe_is_refused_and_not_shown(token):
    with pytest.raises(ParameterError) as caught:
        check_token(token)
    assert caught.value.field == "device_token"
    assert token not in caught.value.message


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3FA85F64-5717-4562-B3FC-2C963F66AFA6", "3fa85f64-5717-4562-b3fc-2c963f66afa6"),
        ("3fa85f6457174562b3fc2c963f66afa6", None),
        ("{3fa85f64-5717-4562-b3fc-2c963f66afa6}", None),
        ("", None),
        ("scanner", None),
    ],
)
def test_an_id_is_read_in_its_usual_form_alone(text, found):
    assert read_device_id(text) == found


def test_null_keeps_a_detail_and_other_names_are_passed_over():
    known = DeviceDetails(site="here", modality="MR")
    told = {"site": None, "modality": "CT", "status": "ONLINE", "colour": {"x": 1}}
    assert known.updated(told) == DeviceDetails(site="here", modality="CT")
    assert known.updated({"site": ""}).site == ""


@pytest.mark.parametrize("name", list(DeviceDetails.model_fields))
@pytest.mark.parametrize("value", [5, True, ["x"], {"x": 1}, "x" * 257])
def test_a_detail_of_a_wrong_form_is_named(name, value):
    with pytest.raises(ParameterError, match=f"'details.{name}'"):
        DeviceDetails().updated({name: value})


def test_what_people_have_set_holds_and_until_then_what_the_device_told():
    assert device().effective_parameter is None
    assert device(registered_parameter={"a": 1}).effective_parameter == {"a": 1}
    assert device(parameter={}, registered_parameter={"a": 1}).effective_parameter == {}
