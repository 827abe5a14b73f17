"""What a device says of itself and of its scans, in every situation in which it can say it."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub.effects import (
    CancelTimer,
    DescribeDevice,
    NoteFault,
    ReportEvidence,
    ReportOutcome,
    ReportPhase,
    ReportProgress,
    SendFrame,
    SetTimer,
)
from http_gateway.dialects.scanhub.model import Timer
from tests.doubles.device_session import ITEM, OTHER, frames_in, none_of, only, order_of, token_of


def test_a_registration_describes_the_device_and_is_answered_once(registered):
    _session, device = registered
    effects = device.register(site=None, parameter={"b0": 3})
    described = only(effects, DescribeDevice)
    assert described.details == {"device_name": "scanner"}
    assert described.parameter == {"b0": 3}
    assert frames_in(effects) == ["feedback"]
    assert CancelTimer(Timer("register", "1")) in effects


def test_a_registration_without_parameters_leaves_them_alone(registered):
    assert only(registered[1].register(), DescribeDevice).parameter is None


def test_a_registration_during_a_scan_is_not_answered(running):
    assert frames_in(running[1].register()) == []


def test_a_device_that_names_the_extensions_gets_them(registered):
    session, device = registered
    device.register(protocol="cuelight/1")
    assert session.connection.has_extensions
    device.register(protocol=["cuelight/1"])
    assert not session.connection.has_extensions


def test_the_first_busy_acknowledges(dispatched):
    _session, device = dispatched
    effects = device.busy()
    assert effects == (CancelTimer(Timer("acknowledgement", ITEM)), ReportPhase(ITEM, "acknowledged"))
    assert device.busy() == ()


def test_busy_with_progress_runs_and_passes_through_acknowledged(dispatched):
    session, device = dispatched
    effects = device.progress(7)
    assert session.phases() == ["dispatched", "acknowledged", "running"]
    assert ReportProgress(ITEM, 7) in effects


def test_the_first_progress_is_zero(dispatched):
    _session, device = dispatched
    device.busy()
    assert device.progress(0) == (ReportPhase(ITEM, "running"),)


def test_progress_of_a_running_scan_is_reported_once_each(running):
    _session, device = running
    assert device.progress(60) == (ReportProgress(ITEM, 60),)
    assert device.progress(60) == ()


def test_progress_100_is_no_success(running):
    session, device = running
    device.progress(100)
    assert session.outcomes() == []


def test_online_with_progress_is_progress_and_never_an_end(running):
    session, device = running
    assert device.progress(70, status="ONLINE") == (ReportProgress(ITEM, 70),)
    assert session.scan.phase == "running"
    assert not session.scan.callback_ended


def test_online_with_progress_does_not_acknowledge(dispatched):
    session, device = dispatched
    device.progress(70, status="ONLINE")
    assert session.scan.phase == "dispatched"


def test_online_before_the_first_busy_ends_nothing(dispatched):
    session, device = dispatched
    assert device.online() == ()
    assert session.scan.phase == "dispatched"
    assert session.connection.is_quiet


def test_online_after_busy_waits_for_missing_files(running):
    _session, device = running
    effects = device.online()
    assert effects == (
        CancelTimer(Timer("scan", ITEM)),
        ReportPhase(ITEM, "uploading"),
        SetTimer(Timer("grace", ITEM), 60.0),
    )


@pytest.mark.parametrize("with_progress", [False, True])
def test_online_after_busy_is_success_where_no_file_is_expected(dataless, with_progress):
    session, device = dataless
    device.busy()
    if with_progress:
        device.progress(100)
    effects = device.online()
    assert session.outcomes() == [(ITEM, "done")]
    assert not only(effects, ReportOutcome).holds_lane
    assert frames_in(effects) == ["feedback"]
    assert "uploading" not in session.phases()


def test_a_second_online_changes_nothing(uploading):
    assert uploading[1].online() == ()


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("situation", ["dispatched", "running", "uploading"])
def test_an_error_fails_the_active_item_with_its_text(request, situation, named):
    session, device = request.getfixturevalue(situation)
    effects = device.scan_error("no signal") if named else device.error("no signal")
    outcome = only(effects, ReportOutcome)
    assert (outcome.outcome, outcome.text, outcome.holds_lane) == ("failed", "no signal", True)
    assert only(effects, NoteFault).message == "no signal"
    assert frames_in(effects) == ["feedback"]
    assert session.state.scan is None


def test_two_errors_for_one_scan_keep_both_texts_and_one_outcome(running):
    session, device = running
    device.scan_error("the upload failed")
    effects = device.scan_error("the scan failed")
    assert session.outcomes() == [(ITEM, "failed")]
    assert effects == (
        NoteFault("the upload failed; the scan failed"),
        ReportEvidence(ITEM, "the scan failed"),
    )
    assert session.state.find(ITEM).texts == ("the upload failed", "the scan failed")


def test_errors_without_end_are_bounded(running):
    session, device = running
    for number in range(100):
        device.scan_error(f"error {number} " + "x" * 10_000)
    assert len(session.state.faults) == 8
    assert len(session.state.find(ITEM).texts) <= 9
    assert max(map(len, session.state.faults)) <= 2000


def test_an_error_without_a_scan_is_a_fault_of_the_device(registered):
    session, device = registered
    assert device.error("hot") == (NoteFault("hot"),)
    assert session.state.fault_message == "hot"


def test_an_error_without_words_gets_some(registered):
    assert "no message" in only(registered[1].error(""), NoteFault).message


def test_online_after_an_error_clears_the_fault(running):
    session, device = running
    device.scan_error()
    assert device.online() == (NoteFault(None),)
    assert session.state.fault_message is None


def test_online_before_a_registration_clears_no_fault(running):
    session, device = running
    device.scan_error()
    session.close()
    session.open()
    assert device.online() == ()
    device.register()
    assert session.state.fault_message is not None


FOREIGN = [
    {"task_id": OTHER},
    {"user_access_token": "wrong"},
    {"task_id": OTHER, "user_access_token": token_of(OTHER)},
    {"task_id": None},
    {"user_access_token": None},
]


@pytest.mark.parametrize("ids", FOREIGN)
@pytest.mark.parametrize("situation", ["registered", "dispatched", "running", "uploading", "lost"])
def test_a_frame_with_a_foreign_id_or_token_changes_nothing(request, situation, ids):
    session, device = request.getfixturevalue(situation)
    before = session.state
    for status in ("BUSY", "ONLINE"):
        assert device.progress(99, status=status, **ids) == ()
    assert device.scan_error("broken", **ids) == ()
    assert (session.state.scan, session.state.ended, session.state.faults) == (before.scan, before.ended, before.faults)


def test_a_status_without_a_scan_changes_no_item(registered):
    session, device = registered
    assert device.busy() == ()
    assert device.online() == ()
    assert session.outcomes() == []


def test_a_device_that_goes_gets_nothing_more(registered):
    session, device = registered
    device.offline()
    assert session.connection.is_leaving
    device.online()
    assert not session.connection.is_leaving


def test_going_during_a_scan_ends_nothing_by_itself(running):
    session, device = running
    assert device.offline() == ()
    assert session.state.scan is not None


def test_while_the_device_scans_it_gets_pongs_and_eight_errors(dispatched):
    session, device = dispatched
    for _ in range(20):
        session.text("nonsense")
        device.ping()
        device.progress(50)
    sent = [effect.frame.command for effect in session.log if isinstance(effect, SendFrame)]
    assert sent.count("pong") == 20
    assert sent.count("error") == 8
    assert sent.count("feedback") == 1  # that of the registration


def test_a_scan_of_seventy_seconds_gets_no_feedback_and_one_at_its_end(dataless):
    session, device = dataless
    device.busy()
    before = len(session.log)
    for second in range(70):
        session.at += 1
        device.progress(second)
    assert none_of(session.log[before:], SendFrame)
    assert frames_in(device.online()) == ["feedback"]


# --- late evidence ---------------------------------------------------------------------------------------------------


def test_late_progress_on_a_newer_connection_updates_the_unknown_item(lost):
    session, device = lost
    assert device.progress(80, status="ONLINE") == (ReportProgress(ITEM, 80, is_late=True),)
    assert session.state.find(ITEM).progress == 80
    assert session.outcomes() == [(ITEM, "unknown")]


def test_online_and_register_after_a_lost_scan_do_not_mean_idle(lost):
    session, device = lost
    device.online()
    assert session.state.unresolved.item_uid == ITEM


def test_late_progress_100_resolves_a_scan_that_expects_no_file(dataless):
    session, device = dataless
    device.busy()
    session.close()
    session.open()
    device.progress(99, status="ONLINE")
    assert session.outcomes() == [(ITEM, "unknown")]
    device.progress(100, status="ONLINE")
    assert session.outcomes() == [(ITEM, "unknown"), (ITEM, "done")]
    device.progress(100, status="ONLINE")
    assert len(session.outcomes()) == 2


def test_progress_100_on_the_old_connection_is_no_late_evidence(dataless):
    session, device = dataless
    session.passes("acknowledgement", ITEM, 15)
    device.progress(100)
    device.online()
    assert session.outcomes() == [(ITEM, "unknown")]


def test_the_end_of_a_scan_that_is_unknown_is_noted_and_lets_the_device_be_talked_to(dispatched):
    session, device = dispatched
    session.passes("acknowledgement", ITEM, 15)
    assert session.connection.is_quiet
    device.busy()
    evidence = only(device.online(), ReportEvidence)
    assert evidence.item_uid == ITEM
    assert not session.connection.is_quiet
    assert session.outcomes() == [(ITEM, "unknown")]


def test_a_late_error_is_kept_and_resolves_nothing(lost):
    session, device = lost
    effects = device.scan_error("the magnet quenched")
    assert ReportEvidence(ITEM, "the magnet quenched") in effects
    assert session.outcomes() == [(ITEM, "unknown")]


def test_late_progress_of_a_failed_item_changes_nothing(running):
    session, device = running
    device.scan_error()
    assert device.progress(90) == ()
    assert session.state.find(ITEM).progress == 50


def test_an_error_about_an_earlier_scan_does_not_end_the_silence_of_the_present_one(uploading):
    session, device = uploading
    session.passes("grace", ITEM, 60)
    session.dispatch(order_of(OTHER))
    device.scan_error("late")
    assert session.scan.item_uid == OTHER
    assert session.connection.is_quiet
