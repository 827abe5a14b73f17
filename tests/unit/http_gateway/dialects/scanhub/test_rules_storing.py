"""Files that have arrived: verified before they count, stored once, and what they mean for their item."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.effects import (
    AppendUpload,
    DiscardUpload,
    ReportOutcome,
    ReportResolved,
    ReportUpload,
    ReportUploadFailed,
    SendFrame,
    SetTimer,
    StoreUpload,
)
from http_gateway.dialects.scanhub.frames import Feedback
from http_gateway.dialects.scanhub.model import Timer
from tests.doubles.device_sdk import opened
from tests.doubles.device_session import ITEM, SHA, frames_in, none_of, only, order_of


def deliver(session, device, number, name="a.mrd", result="result 1"):
    device.header(5, name)
    session.bytes(5)
    return (*session.written(number, 5), *session.stored(number, result))


def test_a_verified_file_is_stored_under_a_key_of_its_content(running):
    session, device = running
    device.header(5, sha256=SHA.upper())
    session.bytes(5)
    store = only(session.written(1, 5), StoreUpload)
    assert (store.item_uid, store.sha256, store.file.name) == (ITEM, SHA, "a.mrd")
    assert session.scan.results == ()
    assert only(session.stored(1), ReportUpload).result_id == "result 1"


@pytest.mark.parametrize(("size_bytes", "sha256"), [(4, SHA), (6, SHA), (5, "cd" * 32)])
def test_what_differs_from_its_announcement_is_discarded(running, size_bytes, sha256):
    session, device = running
    device.header(5, sha256=SHA)
    session.bytes(5)
    effects = session.written(1, size_bytes, sha256)
    assert DiscardUpload(1) in effects
    assert none_of(effects, StoreUpload)
    assert session.state.uploads == ()
    device.online()
    session.passes("grace", ITEM, 60)
    assert session.outcomes() == [(ITEM, "failed")]


def test_without_a_checksum_the_size_is_all_that_is_compared(running):
    session, device = running
    device.header(5)
    session.bytes(5)
    only(session.written(1, 5, "EF" * 32), StoreUpload)


def test_feedback_about_a_file_waits_until_the_scan_has_ended(running):
    session, device = running
    assert frames_in(deliver(session, device, 1)) == []
    feedback = only(device.online(), SendFrame).frame
    assert (feedback.command, feedback.result_id) == ("feedback", "result 1")
    assert session.outcomes() == [(ITEM, "done")]


def test_feedback_about_a_file_after_the_scan_names_the_result(uploading):
    session, device = uploading
    sent = [effect.frame for effect in deliver(session, device, 1) if isinstance(effect, SendFrame)]
    assert [frame.result_id for frame in sent if isinstance(frame, Feedback)] == ["result 1", "result 1"]


def test_upload_before_the_end_of_the_callback_gives_done(running):
    session, device = running
    deliver(session, device, 1)
    assert session.outcomes() == []
    device.online()
    assert session.outcomes() == [(ITEM, "done")]


def test_upload_after_the_end_of_the_callback_gives_done(running):
    session, device = running
    device.progress(100)
    device.online()
    assert session.outcomes() == []
    deliver(session, device, 1)
    assert session.outcomes() == [(ITEM, "done")]


@pytest.mark.parametrize("stage", ["receiving", "verifying", "storing"])
def test_no_file_that_is_announced_is_left_out_of_success(running, stage):
    session, device = running
    deliver(session, device, 1)
    device.header(5, "b.mrd")
    if stage != "receiving":
        session.bytes(5)
    if stage == "storing":
        session.written(2, 5)
    device.online()
    assert session.outcomes() == []
    if stage == "receiving":
        session.bytes(5)
    if stage != "storing":
        session.written(2, 5)
    session.stored(2, "result 2")
    assert session.outcomes() == [(ITEM, "done")]


def test_as_many_files_as_expected_must_be_there():
    session, device = opened()
    session.dispatch(order_of(expected_uploads=2))
    device.busy()
    device.online()
    deliver(session, device, 1)
    assert session.outcomes() == []
    deliver(session, device, 2, "b.mrd", "result 2")
    assert session.outcomes() == [(ITEM, "done")]


def test_a_verified_file_gives_the_rest_another_grace():
    session, device = opened()
    session.dispatch(order_of(expected_uploads=2))
    device.busy()
    device.online()
    session.at += 50
    assert SetTimer(Timer("grace", ITEM), 60.0) in deliver(session, device, 1)
    session.passes("grace", ITEM, 20)
    assert session.outcomes() == []
    session.passes("grace", ITEM, 40)
    assert session.outcomes() == [(ITEM, "failed")]


def test_the_same_file_again_is_the_same_result(running):
    session, device = running
    deliver(session, device, 1)
    device.header(5)
    session.bytes(5)
    effects = session.written(2, 5)
    assert effects == (DiscardUpload(2), ReportUpload(ITEM, "a.mrd", "result 1", is_replay=True))
    assert len(session.scan.results) == 1


def test_the_same_file_with_other_content_is_another_result(running):
    session, device = running
    deliver(session, device, 1)
    device.header(5)
    session.bytes(5)
    only(session.written(2, 5, "cd" * 32), StoreUpload)


def test_the_same_file_again_while_it_is_being_stored_is_the_same_result(running):
    session, device = running
    for _number in (1, 2):
        device.header(5)
        session.bytes(5)
    only(session.written(1, 5), StoreUpload)
    assert session.written(2, 5) == (DiscardUpload(2),)
    session.stored(1)
    assert len(session.scan.results) == 1
    device.online()
    assert session.outcomes() == [(ITEM, "done")]


def test_a_file_that_failed_must_be_replaced(running):
    session, device = running
    device.header(5)
    session.bytes(9)
    deliver(session, device, 2, "b.mrd")
    device.online()
    assert session.outcomes() == []
    deliver(session, device, 3, "a.mrd", "result 2")
    assert session.outcomes() == [(ITEM, "done")]


def test_a_replacement_that_was_announced_before_the_failure_was_known_counts(running):
    session, device = running
    for _ in range(2):
        device.header(5, sha256=SHA)
        session.bytes(5)
    session.written(1, 5, "cd" * 32)
    session.written(2, 5)
    session.stored(2)
    assert session.scan.failed == ()


def test_a_file_that_was_announced_before_the_failed_one_replaces_nothing(running):
    session, device = running
    for sha in (SHA, "ef" * 32):
        device.header(5, sha256=sha)
        session.bytes(5)
    session.written(2, 5, "cd" * 32)
    session.written(1, 5)
    session.stored(1)
    assert [failure.number for failure in session.scan.failed] == [2]
    device.online()
    session.passes("grace", ITEM, 60)
    assert session.outcomes() == [(ITEM, "failed")]
    assert "upload failed: a.mrd" in session.state.find(ITEM).texts[0]


def test_a_full_disk_fails_the_upload_and_the_rest_of_it_is_drained(running):
    session, device = running
    device.header(20)
    session.bytes(10)
    effects = session.do(events.UploadBroken(session.at, 1, "no space is left"))
    assert only(effects, ReportUploadFailed).reason == "no space is left"
    assert frames_in(effects) == ["error"]
    assert none_of(session.bytes(10), AppendUpload)
    assert session.state.uploads == ()


@pytest.mark.parametrize("stage", ["verifying", "storing"])
def test_a_sink_that_fails_later_fails_the_upload(running, stage):
    session, device = running
    device.header(5)
    session.bytes(5)
    if stage == "storing":
        session.written(1, 5)
    effects = session.do(events.UploadBroken(session.at, 1, "the manager is away"))
    assert none_of(effects, DiscardUpload)
    assert session.state.uploads == ()
    assert session.scan.failed


def test_answers_of_the_sink_about_what_is_gone_change_nothing(running):
    session, device = running
    assert session.written(9, 5) == ()
    assert session.stored(9) == ()
    assert session.do(events.UploadBroken(session.at, 9, "x")) == ()
    device.header(5)
    assert session.written(1, 5) == ()
    session.bytes(5)
    assert session.stored(1) == ()


def test_the_parameters_of_the_header_go_beside_the_file_else_those_of_the_dispatch():
    session, device = opened()
    session.dispatch(order_of(parameter={"b0": 3}))
    device.busy()
    for given, expected in ((None, {"b0": 3}), ({}, {"b0": 3}), ({"b1": 1}, {"b1": 1})):
        number = session.state.next_upload
        device.header(number, device_parameter=given)
        session.bytes(number)
        assert only(session.written(number, number), StoreUpload).parameter == expected


def test_a_late_file_on_a_newer_connection_and_progress_100_resolve_the_item(lost):
    session, device = lost
    effects = deliver(session, device, 1)
    assert frames_in(effects) == ["feedback"]
    assert session.outcomes() == [(ITEM, "unknown")]
    assert only(device.progress(100, status="ONLINE"), ReportResolved).by == "evidence"
    assert session.outcomes() == [(ITEM, "unknown"), (ITEM, "done")]


def test_the_order_of_late_evidence_does_not_matter(lost):
    session, device = lost
    device.progress(100, status="ONLINE")
    assert session.outcomes() == [(ITEM, "unknown")]
    deliver(session, device, 1)
    assert session.outcomes() == [(ITEM, "unknown"), (ITEM, "done")]


def test_a_file_that_arrived_before_the_loss_is_no_late_evidence_until_it_comes_again(running):
    session, device = running
    deliver(session, device, 1)
    session.close()
    session.open()
    device.progress(100, status="ONLINE")
    assert session.outcomes() == [(ITEM, "unknown")]
    device.header(5)
    session.bytes(5)
    session.written(2, 5)
    assert session.outcomes() == [(ITEM, "unknown"), (ITEM, "done")]


def test_a_late_file_that_fails_keeps_the_item_unknown(lost):
    session, device = lost
    deliver(session, device, 1)
    device.header(5, "b.mrd")
    session.bytes(6)
    device.progress(100, status="ONLINE")
    assert session.outcomes() == [(ITEM, "unknown")]


def test_a_late_file_of_an_item_that_a_person_resolved_is_attached_only(lost):
    session, device = lost
    session.do(events.OutcomeResolved(session.at, ITEM, "failed"))
    effects = deliver(session, device, 1)
    assert only(effects, ReportUpload).item_uid == ITEM
    assert none_of(effects, ReportResolved, ReportOutcome)


def test_a_file_on_the_old_connection_of_an_unknown_item_is_attached_and_proves_nothing(running):
    session, device = running
    session.do(events.GivenUp(session.at, ITEM))
    assert only(deliver(session, device, 1), ReportUpload).item_uid == ITEM
    session.open()
    device.progress(100, status="ONLINE")
    assert session.outcomes() == [(ITEM, "unknown")]
