"""Credentials of devices: compared, rotated and imported, and what those have to wait who show wrong ones."""

from __future__ import annotations

import pytest

from http_gateway.auth.secret_texts import digest_of
from http_gateway.dialects.scanhub.credentials import (
    Antechamber,
    FailedProofs,
    import_device_token,
    issue_device_token,
    read_device_headers,
)
from queue_server.clock import ManualClock
from queue_server.protocol.errors import ParameterError
from tests.doubles.device_session import DEVICE, OTHER


@pytest.fixture
def clock():
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def proofs(clock):
    """No failures yet."""
    return FailedProofs(clock)


def test_a_new_token_is_admitted_and_another_is_not():
    token, secret = issue_device_token()
    assert len(token) == 64
    assert secret.admits(token, 0.0)
    assert not secret.admits(issue_device_token()[0], 0.0)
    assert not secret.admits("", 0.0)
    assert token not in repr(secret)


def test_rotation_without_grace_ends_the_old_token_at_once():
    old, secret = issue_device_token()
    new, _ = issue_device_token()
    rotated = secret.rotate(digest_of(new), 1000.0)
    assert rotated.admits(new, 1000.0)
    assert not rotated.admits(old, 1000.0)


def test_rotation_with_grace_lets_both_tokens_work_for_that_long():
    old, secret = issue_device_token()
    rotated = secret.rotate(digest_of("new"), 1000.0, 60.0)
    assert rotated.admits(old, 1059.9)
    assert rotated.admits("new", 1059.9)
    assert not rotated.admits(old, 1060.0)
    assert rotated.admits("new", 1060.0)


def test_a_second_rotation_ends_the_first_token():
    old, secret = issue_device_token()
    twice = secret.rotate(digest_of("b"), 1000.0, 60.0).rotate(digest_of("c"), 1001.0, 60.0)
    assert [twice.admits(token, 1002.0) for token in (old, "b", "c")] == [False, True, True]


@pytest.mark.parametrize("grace_s", [-1.0, 86_400.1, float("nan"), float("inf")])
def test_the_grace_is_between_nothing_and_a_day(grace_s):
    with pytest.raises(ParameterError, match="grace_s"):
        issue_device_token()[1].rotate(digest_of("b"), 0.0, grace_s)


def test_a_token_of_scanhub_can_be_imported():
    token = "0123456789abcdef" * 128
    assert len(token) == 2048
    assert import_device_token(token).admits(token, 0.0)


@pytest.mark.parametrize("token", ["short", "x" * 4097, "x" * 40 + " ", "x" * 40 + "\n", "ä" * 40])
def test_what_cannot_be_a_token_is_not_imported(token):
    with pytest.raises(ParameterError, match="32 to 4096"):
        import_device_token(token)


@pytest.mark.parametrize("names", [("Device-Id", "Device-Token"), ("device-id", "DEVICE-TOKEN")])
def test_the_headers_are_found_in_any_case_and_the_id_is_canonical(names):
    values = (DEVICE.upper(), "t" * 2048)
    assert read_device_headers(dict(zip(names, values, strict=True))) == (DEVICE, "t" * 2048)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Device-Id": DEVICE},
        {"Device-Token": "t"},
        {"Device-Id": "no uuid", "Device-Token": "t"},
        {"Device-Id": DEVICE, "Device-Token": ""},
        {"Device_Id": DEVICE, "Device_Token": "t"},
        {"Device-Id": DEVICE, "Device-Token": "t" * 4097},
    ],
)
def test_without_both_headers_in_order_there_is_no_credential(headers):
    assert read_device_headers(headers) is None


def test_the_delay_doubles_from_one_second_to_thirty(proofs):
    assert [proofs.fail("a", DEVICE).seconds for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_the_alarm_is_raised_once(proofs):
    assert [proofs.fail("a", DEVICE).is_alarm for _ in range(6)] == [False, False, True, False, False, False]


def test_many_ids_from_one_address_do_not_escape_the_delay_and_raise_one_alarm(proofs):
    delays = [proofs.fail("a", f"id {number}") for number in range(20)]
    assert delays[-1].seconds == 30
    assert sum(delay.is_alarm for delay in delays) == 1


def test_many_addresses_with_one_id_do_not_escape_the_delay(proofs):
    delays = [proofs.fail(f"address {number}", DEVICE) for number in range(20)]
    assert delays[-1].seconds == 30
    assert sum(delay.is_alarm for delay in delays) == 1


def test_a_connection_without_an_id_counts_for_its_address(proofs):
    assert [proofs.fail("a", None).seconds for _ in range(3)] == [1, 2, 4]
    assert proofs.fail("b", None).seconds == 1


def test_another_device_at_another_address_waits_as_if_nothing_had_been(proofs):
    for _ in range(5):
        proofs.fail("a", DEVICE)
    assert proofs.fail("b", OTHER).seconds == 1


def test_a_right_credential_forgives_the_device_and_not_the_address(proofs):
    for _ in range(5):
        proofs.fail("a", DEVICE)
    proofs.succeed(DEVICE)
    assert proofs.fail("b", DEVICE).seconds == 1
    assert proofs.fail("a", OTHER).seconds == 30


def test_a_quarter_of_an_hour_without_failures_is_forgiven_and_alarms_anew(proofs, clock):
    for _ in range(5):
        proofs.fail("a", DEVICE)
    clock.advance(900)
    assert [proofs.fail("a", DEVICE).is_alarm for _ in range(3)] == [False, False, True]


def test_the_memory_is_bounded(clock):
    proofs = FailedProofs(clock, most=100)
    for number in range(500):
        proofs.fail(f"address {number}", "x" * 10_000)
    assert len(proofs) == 100
    assert proofs.fail("address 499", None).seconds == 2


def test_the_number_of_sockets_without_a_proof_is_bounded():
    antechamber = Antechamber(most=5, most_per_address=3)
    assert [antechamber.enter("a") for _ in range(4)] == [True, True, True, False]
    assert [antechamber.enter("b") for _ in range(3)] == [True, True, False]
    antechamber.leave("a")
    assert antechamber.enter("c")
    for address in ("a", "a", "b", "b", "c", "c", "unknown"):
        antechamber.leave(address)
    assert len(antechamber) == 0
