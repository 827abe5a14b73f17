"""Starting items and what people decide: one at a time, recorded first, and refused with a reason otherwise."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.effects import (
    CancelTimer,
    DiscardUpload,
    NoteFault,
    RecordDispatch,
    ReportOutcome,
    ReportPhase,
    ReportResolved,
    ReportReturned,
    SendFrame,
    SendStart,
    SetTimer,
)
from http_gateway.dialects.scanhub.frames import Cancel
from http_gateway.dialects.scanhub.model import Limits, Timer
from http_gateway.dialects.scanhub.refusals import DispatchError
from queue_server.protocol.errors import NotFoundError, StateError
from tests.doubles.device_sdk import SdkDevice, opened
from tests.doubles.device_session import ITEM, OTHER, DeviceSession, none_of, only, order_of


def refusal_of(session, **changes):
    before = session.state
    with pytest.raises(DispatchError) as caught:
        session.do(events.DispatchRequested(session.at, order_of(OTHER, **changes)))
    assert session.state == before
    return caught.value.obstacle


def test_a_start_is_recorded_before_it_is_sent(registered):
    session, _ = registered
    asked = session.do(events.DispatchRequested(session.at, order_of(scan_timeout_s=300.0)))
    assert asked == (RecordDispatch(ITEM, 1),)
    assert session.do(events.DispatchRecorded(session.at, ITEM)) == (
        SendStart(1, ITEM),
        ReportPhase(ITEM, "dispatched"),
        SetTimer(Timer("acknowledgement", ITEM), 15.0),
        SetTimer(Timer("scan", ITEM), 300.0),
    )


def test_a_start_is_sent_once(dispatched):
    session, _ = dispatched
    assert session.do(events.DispatchRecorded(session.at, ITEM)) == ()
    assert sum(isinstance(effect, SendStart) for effect in session.log) == 1


def test_a_record_of_another_item_sends_nothing(registered):
    session, _ = registered
    session.do(events.DispatchRequested(session.at, order_of()))
    assert session.do(events.DispatchRecorded(session.at, OTHER)) == ()


def test_a_device_that_is_not_connected_gets_nothing():
    assert refusal_of(DeviceSession()) == "offline"


def test_a_device_that_is_leaving_gets_nothing(registered):
    registered[1].offline()
    assert refusal_of(registered[0]) == "offline"


def test_a_device_that_has_only_said_online_gets_nothing():
    session = DeviceSession()
    session.open()
    SdkDevice(session).online()
    assert refusal_of(session) == "not_registered"


@pytest.mark.parametrize("situation", ["dispatched", "running", "uploading"])
def test_a_second_start_is_refused_while_one_is_active(request, situation):
    assert refusal_of(request.getfixturevalue(situation)[0]) == "busy"


def test_a_second_start_is_refused_while_one_is_being_recorded(registered):
    session, _ = registered
    session.do(events.DispatchRequested(session.at, order_of()))
    assert refusal_of(session) == "busy"


def test_nothing_starts_while_an_item_is_unknown(lost):
    lost[1].online()
    assert refusal_of(lost[0]) == "unresolved"


def test_nothing_starts_while_the_device_is_in_fault(running):
    session, device = running
    device.scan_error()
    assert refusal_of(session) == "fault"
    session.do(events.FaultCleared(session.at))
    session.dispatch(order_of(OTHER))


def test_nothing_starts_while_connections_replace_each_other(registered):
    session, device = registered
    for _ in range(3):
        session.open()
    device.register()
    assert refusal_of(session) == "duplicate_connection"
    session.do(events.FaultCleared(session.at))
    session.dispatch()


def test_the_same_item_is_never_sent_again(running):
    session, device = running
    device.scan_error()
    device.online()
    with pytest.raises(DispatchError) as caught:
        session.do(events.DispatchRequested(session.at, order_of()))
    assert caught.value.obstacle == "repeated"


@pytest.mark.parametrize(
    ("client", "size_bytes", "fits"),
    [
        ("gen2", 1_048_576, True),
        ("gen2", 1_048_577, False),
        ("unknown", 1_048_577, False),
        ("gen3", 3_000_000, True),
        ("gen3", 64 * 1024 * 1024, True),
        ("gen3", 64 * 1024 * 1024 + 1, False),
    ],
)
def test_a_start_fits_the_generation_of_the_device(client, size_bytes, fits):
    session = DeviceSession()
    session.open(client)
    device = SdkDevice(session)
    if client == "unknown":
        device.header(0)
    if client == "gen3":
        device.ping()
    device.register()
    assert session.connection.client == client
    if fits:
        session.dispatch(order_of(start_bytes=size_bytes))
    else:
        assert refusal_of(session, start_bytes=size_bytes) == "too_large"


def test_a_first_generation_device_gets_only_scans_without_files():
    session = DeviceSession()
    session.open("first")
    SdkDevice(session).register()
    assert refusal_of(session) == "unsuitable"
    session.dispatch(order_of(expected_uploads=0))


def test_a_fault_between_request_and_record_returns_the_item(registered):
    session, device = registered
    session.do(events.DispatchRequested(session.at, order_of()))
    device.error("hot")
    effects = session.do(events.DispatchRecorded(session.at, ITEM))
    assert "hot" in only(effects, ReportReturned).reason
    assert none_of(effects, SendStart)
    assert session.outcomes() == []


def test_a_start_that_could_not_leave_is_taken_back(dispatched):
    session, _device = dispatched
    effects = session.do(events.StartUnsent(session.at, ITEM))
    assert only(effects, ReportReturned).item_uid == ITEM
    assert CancelTimer(Timer("acknowledgement", ITEM)) in effects
    session.dispatch()
    assert session.phases() == ["dispatched", "dispatched"]


def test_a_start_that_the_device_has_answered_is_not_taken_back(running):
    session, _ = running
    assert session.do(events.StartUnsent(session.at, ITEM)) == ()
    assert session.scan.phase == "running"


def test_the_next_start_discards_an_upload_that_is_still_open(running):
    session, device = running
    device.header(100)
    device.scan_error()
    device.online()
    assert DiscardUpload(1) in session.dispatch(order_of(OTHER))
    assert session.state.uploads == ()


def test_scanhub_devices_cannot_be_told_to_cancel(running):
    session, _ = running
    with pytest.raises(StateError, match="cannot be told"):
        session.do(events.CancelRequested(session.at, ITEM))


def test_devices_with_the_extensions_are_asked_to_cancel(registered):
    session, device = registered
    device.register(protocol="cuelight/1")
    session.dispatch()
    effects = session.do(events.CancelRequested(session.at, ITEM))
    assert effects == (SendFrame(1, Cancel(task_id=ITEM)),)
    assert session.outcomes() == []


@pytest.mark.parametrize("request_", [events.CancelRequested, events.GivenUp])
def test_only_what_is_active_can_be_ended(registered, request_):
    session, _ = registered
    with pytest.raises(StateError, match="not active"):
        session.do(request_(session.at, ITEM))
    session.do(events.DispatchRequested(session.at, order_of()))
    with pytest.raises(StateError, match="about to be sent"):
        session.do(request_(session.at, ITEM))


@pytest.mark.parametrize("situation", ["dispatched", "running", "uploading"])
def test_an_item_that_is_given_up_is_unknown(request, situation):
    session, _ = request.getfixturevalue(situation)
    effects = session.do(events.GivenUp(session.at, ITEM))
    assert only(effects, ReportOutcome).outcome == "unknown"
    assert SetTimer(Timer("token", ITEM), 86_400.0) in effects


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_person_resolves_an_unknown_item_once(lost, outcome):
    session, _ = lost
    effects = session.do(events.OutcomeResolved(session.at, ITEM, outcome))
    assert effects == (SetTimer(Timer("token", ITEM), 60.0), ReportResolved(ITEM, outcome, "person"))
    with pytest.raises(StateError, match=outcome):
        session.do(events.OutcomeResolved(session.at, ITEM, "done"))
    session.dispatch(order_of(OTHER))


def test_only_unknown_items_can_be_resolved(running):
    session, _ = running
    with pytest.raises(StateError, match="is active"):
        session.do(events.OutcomeResolved(session.at, ITEM, "done"))
    with pytest.raises(NotFoundError):
        session.do(events.OutcomeResolved(session.at, OTHER, "done"))


def test_a_person_resolves_an_item_whose_token_has_expired(lost):
    session, _ = lost
    session.passes("token", ITEM, 86_400)
    assert session.state.unresolved is not None
    session.do(events.OutcomeResolved(session.at, ITEM, "failed"))
    assert session.state.ended == ()


def test_a_fault_is_not_cleared_while_an_item_is_unknown(lost):
    session, _ = lost
    with pytest.raises(StateError, match="resolve it first"):
        session.do(events.FaultCleared(session.at))
    session.do(events.OutcomeResolved(session.at, ITEM, "failed"))
    assert session.do(events.FaultCleared(session.at)) == (NoteFault(None),)


def test_a_scan_error_a_cleared_fault_and_the_next_scan_succeeds(running):
    session, device = running
    device.scan_error()
    session.do(events.FaultCleared(session.at))
    session.dispatch(order_of(OTHER, expected_uploads=0))
    device.busy()
    device.online()
    assert session.outcomes() == [(ITEM, "failed"), (OTHER, "done")]


def test_many_scans_are_not_remembered_for_ever():
    session, device = opened(Limits(remembered_items=4))
    for number in range(50):
        session.dispatch(order_of(f"item {number}", expected_uploads=0))
        device.busy()
        device.online()
    assert len(session.state.ended) == 4
    assert CancelTimer(Timer("token", "item 0")) in session.log
