"""The session as a whole: whole scans of both generations, every event in every situation, and a start after a loss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.condition import condition_of
from http_gateway.dialects.scanhub.effects import (
    CancelTimer,
    CloseConnection,
    ReportOutcome,
    ReportReturned,
    SendFrame,
    SendStart,
    SetTimer,
)
from http_gateway.dialects.scanhub.frames import DeviceFrame
from http_gateway.dialects.scanhub.invariants import violations
from http_gateway.dialects.scanhub.model import Scan, Timer
from http_gateway.dialects.scanhub.refusals import DispatchError
from http_gateway.dialects.scanhub.session import RULES, read_text, restore, step
from queue_server.protocol.errors import RefusedError
from tests.doubles.device_sdk import SdkDevice, opened
from tests.doubles.device_session import DEVICE, ITEM, OTHER, DeviceSession, frames_in, none_of, only, order_of

SITUATIONS = ("registered", "dispatched", "running", "uploading", "lost")


def deliver(session, device, number=1):
    device.header(5)
    session.bytes(5)
    session.written(number, 5)
    session.stored(number)


def test_every_event_has_a_rule():
    assert set(RULES) == set(events.Event.__args__)  # type: ignore[attr-defined]
    assert len(DeviceFrame.__args__) == 5  # type: ignore[attr-defined]


EVENTS = [
    events.ConnectionClosed(2000.0, 99),
    events.FrameRejected(2000.0, 99, "x", "y"),
    events.BytesReceived(2000.0, 99, 5),
    events.PongReceived(2000.0, 99),
    events.TimerPassed(2000.0, Timer("scan", OTHER)),
    events.UploadWritten(2000.0, 99, 5, "00"),
    events.UploadStored(2000.0, 99, "x"),
    events.UploadBroken(2000.0, 99, "x"),
    events.DispatchRecorded(2000.0, OTHER),
    events.StartUnsent(2000.0, OTHER),
    events.CancelRequested(2000.0, OTHER),
    events.GivenUp(2000.0, OTHER),
    events.OutcomeResolved(2000.0, OTHER, "done"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_about_something_else_changes_nothing(request, situation, event):
    session, _ = request.getfixturevalue(situation)
    try:
        made = step(session.state, event)
    except RefusedError:
        return
    assert (made.state, made.effects) == (session.state, ())


# --- the two generations, as they are ---------------------------------------------------------------------------------


def test_a_whole_scan_of_the_second_generation():
    session = DeviceSession()
    session.open()
    device = SdkDevice(session)
    device.register()
    session.dispatch()
    device.busy()
    for percent in (0, 50, 100):
        device.progress(percent)
    deliver(session, device)
    device.online()
    assert session.outcomes() == [(ITEM, "done")]
    assert session.phases() == ["dispatched", "acknowledged", "running", "uploading"]
    assert condition_of(session.state) == "ready"


def test_a_whole_scan_of_the_third_generation():
    session = DeviceSession()
    session.open()
    device = SdkDevice(session)
    device.online()
    device.register()
    session.dispatch()
    for percent in (0, 50, 100):
        device.progress(percent)
        device.ping()
    device.online()
    device.header(10)
    session.bytes(5)
    device.ping()
    session.bytes(5)
    session.written(1, 10)
    session.stored(1)
    assert session.outcomes() == [(ITEM, "done")]


def test_a_scan_of_seventy_seconds_with_a_frame_each_second_hears_nothing_before_its_end():
    session, device = opened()
    session.dispatch()
    begun, seen, deadlines = len(session.log), 0, {}
    device.busy()
    for second in range(71):
        for effect in session.log[seen:]:
            if isinstance(effect, SetTimer):
                deadlines[effect.timer] = session.at + effect.after_s
            elif isinstance(effect, CancelTimer):
                deadlines.pop(effect.timer, None)
        seen = len(session.log)
        session.at += 1
        for timer in [timer for timer, at in deadlines.items() if at <= session.at]:
            del deadlines[timer]
            session.do(events.TimerPassed(session.at, timer))
        device.progress(100 * second // 70)
    # That of the sign of life was over once, and is set anew.
    assert none_of(session.log[begun:], SendFrame, CloseConnection, ReportOutcome)
    deliver(session, device)
    assert frames_in(device.online()) == ["feedback"]
    assert session.outcomes() == [(ITEM, "done")]


def test_without_a_scan_callback_the_second_generation_fails(dispatched):
    session, device = dispatched
    assert only(device.error("no scan callback"), ReportOutcome).holds_lane
    assert session.outcomes() == [(ITEM, "failed")]


def test_without_a_scan_callback_the_third_generation_is_unknown(dispatched):
    session, _device = dispatched
    assert only(session.open(), ReportOutcome).holds_lane
    assert session.outcomes() == [(ITEM, "unknown")]
    session.passes("register", 2, 10)
    session.do(events.OutcomeResolved(session.at, ITEM, "failed"))
    assert condition_of(session.state) == "needs_restart"
    with pytest.raises(DispatchError):
        session.do(events.DispatchRequested(session.at, order_of(OTHER)))


def test_nonsense_changes_no_item_and_the_next_scan_works(running):
    session, device = running
    for text in ("{", "[]", "5", '{"command":"dance"}', '{"command":"update_status","status":7}', "{}"):
        assert frames_in(session.text(text)) in (["error"], [])
    session.bytes(3)
    device.progress(99, user_access_token="foreign")
    assert session.scan.progress == 50
    deliver(session, device)
    device.online()
    session.dispatch(order_of(OTHER, expected_uploads=0))
    device.busy()
    device.online()
    assert session.outcomes() == [(ITEM, "done"), (OTHER, "done")]


def test_a_zombie_pings_gets_no_item_and_may_deliver_late(lost):
    session, device = lost
    session.close()
    session.open()
    session.passes("register", session.generation, 10)
    assert frames_in(device.ping()) == ["pong"]
    assert condition_of(session.state) == "unresolved"
    device.progress(100, status="ONLINE")
    deliver(session, device)
    assert session.outcomes() == [(ITEM, "unknown"), (ITEM, "done")]
    assert condition_of(session.state) == "needs_restart"


def test_the_third_generation_delivers_after_a_loss_and_the_second_does_not(lost):
    session, device = lost
    device.online()
    assert session.outcomes() == [(ITEM, "unknown")]
    device.progress(100, status="ONLINE")
    deliver(session, device)
    assert session.outcomes() == [(ITEM, "unknown"), (ITEM, "done")]


def test_a_hundred_scans_run_one_after_the_other(registered):
    session, device = registered
    for number in range(100):
        uid = f"item {number}"
        session.dispatch(order_of(uid, expected_uploads=0))
        device.busy()
        device.online()
    assert [uid for uid, _ in session.outcomes()] == [f"item {number}" for number in range(100)]
    starts = [effect.item_uid for effect in session.log if isinstance(effect, SendStart)]
    assert len(starts) == len(set(starts)) == 100


# --- text -------------------------------------------------------------------------------------------------------------


def test_text_becomes_an_event_whatever_it_is():
    assert isinstance(read_text('{"command":"ping"}', 3, 1.0), events.FrameReceived)
    rejected = read_text("[", 3, 1.0)
    assert isinstance(rejected, events.FrameRejected)
    assert (rejected.at, rejected.generation, rejected.is_oversize) == (1.0, 3, False)


# --- after a start of the gateway -------------------------------------------------------------------------------------


def active(**changes):
    return replace(Scan(order_of(), 4, "running", progress=30), **changes)


def test_after_a_start_an_active_item_is_unknown_and_nothing_is_sent_again():
    made = restore(DEVICE, 4, [active()], 100.0)
    assert only(made.effects, ReportOutcome).outcome == "unknown"
    assert none_of(made.effects, SendStart, ReportReturned)
    assert violations(made.state) == []


@pytest.mark.parametrize("phase", ["recording", "dispatched", "running"])
def test_after_a_start_late_evidence_on_a_newer_connection_resolves(phase):
    session = DeviceSession(state=restore(DEVICE, 4, [active(phase=phase)], 100.0).state)
    device = SdkDevice(session)
    session.open()
    device.online()
    device.register()
    device.progress(100, status="ONLINE")
    deliver(session, device)
    assert session.outcomes() == [(ITEM, "done")]


def test_after_a_start_an_ended_scan_waits_for_its_files_anew():
    made = restore(DEVICE, 4, [active(phase="uploading", callback_ended=True, grace_until=3.0)], 100.0)
    assert made.effects == (SetTimer(Timer("grace", ITEM), 60.0),)
    assert made.state.scan is not None
    assert made.state.scan.grace_until == 160.0


def test_after_a_start_the_tokens_of_ended_items_still_count():
    ended = active(outcome="unknown")
    resolved = replace(active(outcome="failed"), order=order_of(OTHER))
    made = restore(DEVICE, 4, [ended, resolved], 100.0)
    assert made.effects == (SetTimer(Timer("token", ITEM), 86_400.0), SetTimer(Timer("token", OTHER), 60.0))
    assert made.state.unresolved == ended


def test_a_device_without_a_past_starts_offline():
    made = restore(DEVICE, 0, [], 100.0)
    assert made.effects == ()
    assert condition_of(made.state) == "offline"


def test_the_opened_device_of_these_tests_is_ready():
    assert condition_of(opened()[0].state) == "ready"
