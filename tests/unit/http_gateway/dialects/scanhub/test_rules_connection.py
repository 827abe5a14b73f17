"""Connections: the newest counts, and each way to lose one has its consequence for item and upload."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.condition import condition_of
from http_gateway.dialects.scanhub.effects import (
    CancelTimer,
    CloseConnection,
    DescribeDevice,
    DiscardUpload,
    HoldLane,
    ReportOutcome,
    ReportReturned,
    SendFrame,
    SetTimer,
)
from http_gateway.dialects.scanhub.frames import Pong
from http_gateway.dialects.scanhub.model import Limits, Timer
from queue_server.protocol.errors import StateError
from tests.doubles.device_sdk import SdkDevice, opened
from tests.doubles.device_session import ITEM, DeviceSession, frames_in, none_of, only, order_of


def test_a_connection_sets_its_deadlines():
    assert DeviceSession().open() == (
        SetTimer(Timer("register", "1"), 10.0),
        SetTimer(Timer("liveness", "1"), 60.0),
    )


def test_a_generation_is_not_used_twice(registered):
    session, _ = registered
    before = session.state
    with pytest.raises(StateError, match="generation 1"):
        session.do(events.ConnectionOpened(session.at, 1, "10.0.0.7"))
    assert session.state == before


def test_a_connection_that_is_announced_too_late_is_closed(registered):
    session, _ = registered
    session.do(events.ConnectionOpened(session.at, 5, "10.0.0.7"))
    effects = session.do(events.ConnectionOpened(session.at, 4, "10.0.0.7"))
    assert effects == (CloseConnection(4, 4001, "a newer connection has taken its place"),)
    assert session.connection.generation == 5


def test_the_newest_connection_wins_and_stays_when_the_old_one_closes(registered):
    session, device = registered
    effects = session.open()
    assert only(effects, CloseConnection) == CloseConnection(1, 4001, "a newer connection has taken its place")
    device.register()
    assert session.close(generation=1) == ()
    assert condition_of(session.state) == "ready"
    session.dispatch()


def test_frames_of_the_old_connection_are_ignored(running):
    session, _device = running
    session.open()
    before = session.state
    assert session.bytes(10, generation=1) == ()
    assert session.do(events.FrameRejected(session.at, 1, "x", "y")) == ()
    assert session.do(events.PongReceived(session.at + 9, 1)) == ()
    assert session.send(device_frame(), generation=1) == ()
    assert session.state == before


def device_frame():
    session, device = opened()
    frames = []
    session.send = frames.append  # type: ignore[method-assign]
    device.online()
    return frames[0]


def test_an_item_that_is_active_on_a_replaced_connection_is_unknown(running):
    session, _ = running
    outcome = only(session.open(), ReportOutcome)
    assert outcome.outcome == "unknown"
    assert outcome.text.startswith("unknown: ")
    assert outcome.holds_lane


def test_three_replacements_within_a_minute_mark_the_device_once(registered):
    session, _ = registered
    held = []
    for _ in range(5):
        session.at += 10
        held += [effect for effect in session.open() if isinstance(effect, HoldLane)]
    assert len(held) == 1
    assert condition_of(session.state) == "duplicate_connection"


def test_slow_replacements_mark_nothing(registered):
    session, _ = registered
    for _ in range(10):
        session.at += 30
        session.open()
    assert not session.state.is_duplicate


def test_reconnecting_after_a_loss_is_no_replacement(registered):
    session, _ = registered
    for _ in range(5):
        session.close()
        session.open()
    assert not session.state.is_duplicate


@pytest.mark.parametrize("situation", ["dispatched", "running"])
def test_a_lost_connection_leaves_an_active_item_unknown(request, situation):
    session, _ = request.getfixturevalue(situation)
    session.close()
    assert session.outcomes() == [(ITEM, "unknown")]


def test_a_lost_connection_lets_an_ended_scan_wait_for_its_files(uploading):
    session, device = uploading
    assert none_of(session.close(), ReportOutcome)
    assert session.scan.phase == "uploading"
    session.open()
    device.header(0)
    session.written(1, 0)
    session.stored(1)
    assert session.outcomes() == [(ITEM, "done")]


def test_a_lost_connection_returns_an_item_that_was_not_sent(registered):
    session, _ = registered
    session.do(events.DispatchRequested(session.at, order_of()))
    assert only(session.close(), ReportReturned).item_uid == ITEM
    assert session.do(events.DispatchRecorded(session.at, ITEM)) == ()
    assert session.outcomes() == []


def test_a_lost_connection_cancels_its_deadlines_and_its_upload(running):
    session, device = running
    device.header(10)
    effects = session.close()
    assert DiscardUpload(1) in effects
    for timer in (Timer("register", "1"), Timer("liveness", "1"), Timer("upload_idle", "1")):
        assert CancelTimer(timer) in effects


def test_a_ping_is_answered_at_once_in_every_situation(request):
    for situation in ("registered", "dispatched", "running", "uploading", "lost"):
        session, device = request.getfixturevalue(situation)
        assert device.ping()[0] == SendFrame(session.generation, Pong())
        device.header(10)
        assert device.ping() == (SendFrame(session.generation, Pong()),)


def test_a_device_that_turns_out_to_be_another_than_it_was_taken_for_is_described_again_once(registered):
    session, device = registered
    assert session.connection.client == "gen2"
    assert device.ping()[1:] == (DescribeDevice(session.generation, {}, None),)
    assert device.ping()[1:] == ()


def test_a_device_that_has_not_registered_is_not_described_by_its_ping():
    session = DeviceSession()
    session.open()
    assert SdkDevice(session).ping() == (SendFrame(session.generation, Pong()),)


@pytest.mark.parametrize(
    ("first", "client"), [("register", "gen2"), ("online", "gen3"), ("busy", "gen3"), ("ping", "gen3")]
)
def test_the_first_frame_hints_at_the_generation(first, client):
    session = DeviceSession()
    session.open()
    getattr(SdkDevice(session), first)()
    assert session.connection.client == client


def test_a_ping_always_means_the_third_generation_and_an_upload_means_nothing():
    session = DeviceSession()
    session.open()
    device = SdkDevice(session)
    device.header(3)
    device.register()
    assert session.connection.client == "unknown"
    device.ping()
    assert session.connection.client == "gen3"


def test_both_opening_orders_lead_to_a_ready_device():
    for order in (("register", "online"), ("online", "register")):
        session = DeviceSession()
        session.open()
        for name in order:
            getattr(SdkDevice(session), name)()
        assert condition_of(session.state) == "ready"


@pytest.mark.parametrize("text", ["nonsense", "[1]", '{"command":"dance"}', '{"command":5}', '{"command":"register"}'])
def test_text_that_is_no_frame_is_answered_and_keeps_connection_and_item(running, text):
    session, _ = running
    before = session.state.scan
    assert frames_in(session.text(text)) == ["error"]
    assert session.state.scan == before
    assert session.state.connection is not None


def test_an_oversize_text_frame_ends_the_connection(registered):
    session, _ = registered
    effects = session.text('{"command":"ping","x":"' + "y" * 1024 * 1024 + '"}')
    assert only(effects, CloseConnection).code == 1009
    assert session.state.connection is None
    assert none_of(effects, SendFrame)


def test_an_oversize_binary_frame_ends_the_connection():
    session, device = opened(Limits(binary_bytes=100))
    device.header(1000)
    assert none_of(session.bytes(100), CloseConnection)
    assert only(session.bytes(101), CloseConnection).code == 1009


def test_access_cannot_be_revoked_while_an_item_is_active(running):
    session, _ = running
    before = session.state
    with pytest.raises(StateError, match="active"):
        session.do(events.AccessRevoked(session.at))
    assert session.state == before


@pytest.mark.parametrize("situation", ["running", "uploading"])
def test_forced_revocation_leaves_the_item_unknown(request, situation):
    session, _ = request.getfixturevalue(situation)
    effects = session.do(events.AccessRevoked(session.at, is_forced=True))
    assert only(effects, CloseConnection).code == 1008
    assert session.outcomes() == [(ITEM, "unknown")]


def test_forced_revocation_while_offline_leaves_the_item_unknown(uploading):
    session, _ = uploading
    session.close()
    assert none_of(session.do(events.AccessRevoked(session.at, is_forced=True)), CloseConnection)
    assert session.outcomes() == [(ITEM, "unknown")]


def test_revocation_of_an_idle_device_closes_its_connection(registered):
    session, _ = registered
    assert only(session.do(events.AccessRevoked(session.at)), CloseConnection).code == 1008


@pytest.mark.parametrize("situation", ["running", "uploading"])
def test_a_device_that_is_served_elsewhere_is_let_go_with_what_it_did(request, situation):
    session, _ = request.getfixturevalue(situation)
    effects = session.do(events.ConnectionSuperseded(session.at))
    assert only(effects, CloseConnection).code == 4001
    assert session.outcomes() == [(ITEM, "unknown")]
    assert session.do(events.ConnectionSuperseded(session.at)) == ()


def test_the_end_of_the_gateway_closes_with_1001_and_leaves_nothing_open(running):
    session, _ = running
    assert only(session.do(events.ShutdownRequested(session.at)), CloseConnection).code == 1001
    assert session.outcomes() == [(ITEM, "unknown")]
    assert session.do(events.ShutdownRequested(session.at)) == ()
