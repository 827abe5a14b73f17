"""The tree of errors: one code each, drawn as it is, and every leaf fit for each interface."""

from __future__ import annotations

import inspect
import re

import pytest

from queue_server.protocol import errors
from queue_server.protocol.errors import CuelightError, ParameterError, RequestFailedError, StateError, StorageFullError

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, CuelightError)]
# The codes that shells and scripts see; 0 is success, 2 is a refusal, 6 and 7 belong to the command line itself.
EXIT_CODES = {1, 2, 3, 4, 5, 8, 9, 10}


def draw_tree():
    """Return from the picture in the module's docstring: class, code and parent."""
    drawn, path = {}, []
    for line in (inspect.getdoc(errors) or "").splitlines():
        found = re.match(r"^(?P<indent>[\s│├└─]*)(?P<name>\w+Error)\s+(?P<code>[a-z_]+)", line)
        if found:
            depth = len(found["indent"]) // 4 - 1
            path = [*path[:depth], found["name"]]
            drawn[found["name"]] = (found["code"], path[-2] if depth else "Exception")
    return drawn


def test_the_picture_shows_the_tree_as_it_is():
    assert draw_tree() == {each.__name__: (each.code, each.__bases__[0].__name__) for each in CLASSES}


def test_every_error_has_a_code_of_its_own():
    codes = [each.code for each in CLASSES]
    assert sorted(set(codes)) == sorted(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("each", CLASSES)
def test_every_error_suits_every_interface(each):
    assert 400 <= each.http_status < 600
    assert each.exit_code in EXIT_CODES


@pytest.mark.parametrize("each", CLASSES)
def test_without_a_message_an_error_says_what_it_is(each):
    assert each().message == each.__doc__
    assert each("better").message == "better"


def test_details_are_copied():
    details = {"a": 1}
    error = StateError("no", details=details)
    details["a"] = 2
    assert error.details == {"a": 1}


def test_a_parameter_error_names_its_field_for_machines():
    assert ParameterError("wrong", field="pos").details == {"field": "pos"}
    assert ParameterError("wrong", field="pos", details={"field": "pos[0]", "x": 1}).details == {
        "field": "pos[0]",
        "x": 1,
    }
    assert ParameterError("wrong").details == {}


def test_fields_of_the_reply_travel_with_the_error():
    error = StateError("no")
    assert error.with_fields(item=1) is error
    assert error.with_fields(qsize=2).fields == {"item": 1, "qsize": 2}
    assert StateError("no").fields == {}


@pytest.mark.parametrize("each", CLASSES)
def test_only_a_full_disk_is_no_reason_to_give_the_store_up(each):
    if issubclass(each, errors.StorageError):
        assert each.is_fatal is (each is not StorageFullError)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ({"success": False, "msg": "no", "error": {"code": "busy", "details": {}}}, "busy"),
        ({"success": False, "msg": "no"}, "refused"),
        ({"success": False, "error": "text"}, "refused"),
        ({"success": False, "error": {}}, "refused"),
        (None, "refused"),
    ],
)
def test_a_failed_request_keeps_the_reply_and_its_code(reply, code):
    error = RequestFailedError("no", reply=reply)
    assert error.reply == (reply or {})
    assert error.reply_code == code
