"""What a device looks like from outside, in every situation."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.condition import condition_of, status_of
from tests.doubles.device_session import ITEM, DeviceSession


def seen(session):
    return condition_of(session.state), status_of(session.state)


def test_without_a_connection_it_is_offline():
    assert seen(DeviceSession()) == ("offline", "OFFLINE")


def test_until_it_has_registered_it_is_offline_too():
    session = DeviceSession()
    session.open()
    assert seen(session) == ("registering", "OFFLINE")
    session.passes("register", 1, 10)
    assert seen(session) == ("needs_restart", "OFFLINE")


def test_registered_and_idle_it_is_ready(registered):
    assert seen(registered[0]) == ("ready", "ONLINE")


@pytest.mark.parametrize("situation", ["dispatched", "running", "uploading"])
def test_with_an_active_item_it_works(request, situation):
    assert seen(request.getfixturevalue(situation)[0]) == ("working", "BUSY")


def test_a_fault_is_an_error_until_it_is_cleared(running):
    session, device = running
    device.scan_error()
    assert seen(session) == ("fault", "ERROR")
    session.do(events.FaultCleared(session.at))
    assert seen(session) == ("ready", "ONLINE")


def test_an_unknown_item_is_worse_than_a_fault(lost):
    session, device = lost
    device.error()
    assert seen(session) == ("unresolved", "ERROR")
    session.do(events.OutcomeResolved(session.at, ITEM, "failed"))
    assert seen(session) == ("fault", "ERROR")


def test_replaced_connections_are_the_worst(running):
    session, _device = running
    for _ in range(3):
        session.open()
    assert seen(session) == ("duplicate_connection", "ERROR")


def test_without_a_connection_the_status_is_offline_whatever_the_condition(running):
    session, _ = running
    session.close()
    assert seen(session) == ("unresolved", "OFFLINE")


def test_a_device_that_waits_for_its_files_is_offline_without_a_connection(uploading):
    session, device = uploading
    session.close()
    assert seen(session) == ("offline", "OFFLINE")
    session.open()
    device.register()
    assert seen(session) == ("working", "BUSY")


def test_a_device_that_says_that_it_goes_is_offline(registered):
    session, device = registered
    device.offline()
    assert seen(session) == ("offline", "OFFLINE")
