"""Credentials that devices show: read from the handshake, and what those have to wait who show wrong ones."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub.credentials import (
    Antechamber,
    FailedProofs,
    read_device_headers,
)
from queue_server.clock import ManualClock
from tests.doubles.device_session import DEVICE, OTHER


@pytest.fixture
def clock():
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def proofs(clock):
    """No failures yet."""
    return FailedProofs(clock)


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
