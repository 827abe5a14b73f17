"""Deadlines: each one ends what it was set for, and nothing that has come since."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.condition import condition_of
from http_gateway.dialects.scanhub.effects import (
    CloseConnection,
    DiscardUpload,
    ReportOutcome,
    ReportUploadFailed,
    SetTimer,
)
from http_gateway.dialects.scanhub.model import Timer, TimerKind
from tests.doubles.device_sdk import SdkDevice, opened
from tests.doubles.device_session import ITEM, OTHER, DeviceSession, frames_in, none_of, only, order_of

KINDS: tuple[TimerKind, ...] = ("register", "liveness", "acknowledgement", "scan", "grace", "upload_idle", "token")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("situation", ["registered", "dispatched", "running", "uploading", "lost"])
def test_a_deadline_of_something_that_is_gone_changes_nothing(request, situation, kind):
    session, _ = request.getfixturevalue(situation)
    before = session.state
    assert session.passes(kind, OTHER, 1e6) == ()
    assert session.passes(kind, 99, 1e6) == ()
    assert session.state == before


def test_a_device_that_does_not_register_needs_a_restart_and_may_still_register():
    session = DeviceSession()
    session.open()
    assert session.passes("register", 1, 10) == ()
    assert condition_of(session.state) == "needs_restart"
    device = SdkDevice(session)
    assert frames_in(device.ping()) == ["pong"]
    assert condition_of(session.state) == "needs_restart"
    device.register()
    assert condition_of(session.state) == "ready"


def test_a_device_that_has_registered_is_not_overdue(registered):
    registered[0].passes("register", 1, 10)
    assert condition_of(registered[0].state) == "ready"


@pytest.mark.parametrize("sign", ["ping", "bytes", "pong", "nonsense"])
def test_every_sign_of_life_puts_the_end_off(registered, sign):
    session, device = registered
    session.at += 40
    {
        "ping": device.ping,
        "bytes": lambda: session.bytes(3),
        "pong": lambda: session.do(events.PongReceived(session.at, 1)),
        "nonsense": lambda: session.text("x"),
    }[sign]()
    assert session.passes("liveness", 1, 20) == (SetTimer(Timer("liveness", "1"), 40.0),)
    assert only(session.passes("liveness", 1, 40), CloseConnection).code == 1001
    assert condition_of(session.state) == "offline"


def test_silence_during_a_scan_leaves_the_item_unknown(running):
    session, _ = running
    session.passes("liveness", 1, 60)
    assert session.outcomes() == [(ITEM, "unknown")]


def test_no_acknowledgement_leaves_the_item_unknown(dispatched):
    session, _ = dispatched
    outcome = only(session.passes("acknowledgement", ITEM, 15), ReportOutcome)
    assert (outcome.outcome, outcome.text) == ("unknown", "unknown: no acknowledgement within 15 s")


@pytest.mark.parametrize("situation", ["running", "uploading"])
def test_an_acknowledged_item_does_not_miss_its_acknowledgement(request, situation):
    session, _ = request.getfixturevalue(situation)
    assert session.passes("acknowledgement", ITEM, 15) == ()


def test_a_scan_that_takes_too_long_is_unknown():
    session, device = opened()
    session.dispatch(order_of(scan_timeout_s=30.0))
    device.busy()
    assert only(session.passes("scan", ITEM, 30), ReportOutcome).outcome == "unknown"
    # It may still be scanning, so that nothing is said to it.
    assert session.connection.is_quiet


def test_a_scan_whose_callback_has_ended_is_in_time():
    session, device = opened()
    session.dispatch(order_of(scan_timeout_s=30.0))
    device.busy()
    device.online()
    assert session.passes("scan", ITEM, 30) == ()


def test_without_a_file_the_item_fails_after_the_grace(uploading):
    session, _ = uploading
    session.passes("grace", ITEM, 59)
    assert session.outcomes() == []
    effects = session.passes("grace", ITEM, 1)
    outcome = only(effects, ReportOutcome)
    assert outcome.outcome == "failed"
    assert outcome.text.startswith("no upload")
    assert outcome.holds_lane
    assert frames_in(effects) == ["feedback"]


def test_a_grace_that_is_over_too_early_is_waited_for(uploading):
    session, _ = uploading
    assert session.passes("grace", ITEM, 20) == (SetTimer(Timer("grace", ITEM), 40.0),)


def test_a_file_that_is_on_its_way_is_waited_for_after_the_grace(uploading):
    session, device = uploading
    device.header(10)
    session.bytes(5)
    assert session.passes("grace", ITEM, 60) == ()
    session.bytes(5)
    session.written(1, 10)
    session.stored(1)
    assert session.outcomes() == [(ITEM, "done")]


def test_a_file_that_fails_after_the_grace_fails_the_item(uploading):
    session, device = uploading
    device.header(10)
    session.passes("grace", ITEM, 60)
    session.bytes(11)
    assert session.outcomes() == [(ITEM, "failed")]


def test_the_grace_is_over_without_a_connection_too(uploading):
    session, _ = uploading
    session.close()
    session.passes("grace", ITEM, 60)
    assert session.outcomes() == [(ITEM, "failed")]


def test_an_upload_without_bytes_for_a_minute_ends(running):
    session, device = running
    device.header(10)
    session.at += 50
    session.bytes(2)
    assert session.passes("upload_idle", 1, 10) == (SetTimer(Timer("upload_idle", "1"), 50.0),)
    effects = session.passes("upload_idle", 1, 50)
    assert DiscardUpload(1) in effects
    assert only(effects, ReportUploadFailed).reason == "no bytes came for 60 s"
    assert session.state.uploads == ()


def test_a_refused_upload_is_not_drained_for_ever(running):
    session, device = running
    device.header(10**18, "..")
    session.passes("upload_idle", 1, 60)
    assert session.state.uploads == ()


def test_bytes_of_a_file_that_is_complete_are_not_waited_for(running):
    session, device = running
    device.header(0)
    assert session.passes("upload_idle", 1, 60) == ()


def test_the_token_of_an_unknown_item_expires_and_the_item_stays_unresolved(lost):
    session, device = lost
    session.passes("token", ITEM, 86_400)
    assert session.state.unresolved.item_uid == ITEM
    assert device.progress(100, status="ONLINE") == ()
    assert none_of(device.header(0), ReportOutcome)
    assert session.outcomes() == [(ITEM, "unknown")]


def test_the_token_of_an_active_item_does_not_expire(running):
    session, _ = running
    session.passes("token", ITEM, 86_400)
    assert not session.scan.token_expired


def test_an_ended_item_is_forgotten_with_its_token(running):
    session, device = running
    device.scan_error()
    session.passes("token", ITEM, 60)
    assert session.state.ended == ()
