"""Uploads that come in: accepted or drained, counted byte by byte, and ended in every way in which they can end."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub import events
from http_gateway.dialects.scanhub.effects import (
    AppendUpload,
    CancelTimer,
    DiscardUpload,
    FinishUpload,
    OpenUpload,
    ReportPhase,
    ReportProgress,
    ReportUploadFailed,
    SetTimer,
)
from http_gateway.dialects.scanhub.model import Limits, Timer
from tests.doubles.device_sdk import opened
from tests.doubles.device_session import ITEM, OTHER, frames_in, none_of, only, order_of, token_of

MIB = 1024 * 1024
IDLE = Timer("upload_idle", "1")


def test_an_accepted_header_opens_a_file_and_moves_the_item_on(running):
    effects = running[1].header(10, "c:\\data\\scan.mrd")
    opened_file = only(effects, OpenUpload)
    assert (opened_file.upload, opened_file.item_uid, opened_file.file.name) == (1, ITEM, "scan.mrd")
    assert opened_file.file.type == "MRD"
    assert effects[1:] == (SetTimer(IDLE, 60.0), ReportPhase(ITEM, "uploading"))


def test_the_bytes_go_to_the_file_until_all_are_there(running):
    session, device = running
    device.header(2 * MIB + 5)
    assert session.bytes(MIB) == (AppendUpload(1, MIB),)
    assert session.bytes(MIB) == (AppendUpload(1, MIB),)
    assert session.bytes(5) == (AppendUpload(1, 5), CancelTimer(IDLE), FinishUpload(1))
    assert frames_in(session.bytes(1)) == ["error"]


def test_an_empty_file_is_complete_at_its_header(running):
    effects = running[1].header(0)
    assert only(effects, OpenUpload).file.size_bytes == 0
    assert FinishUpload(1) in effects
    assert running[0].state.incoming is None


def test_an_empty_binary_frame_within_an_upload_is_harmless(running):
    session, device = running
    device.header(3)
    assert session.bytes(0) == ()
    assert FinishUpload(1) in session.bytes(3)


def test_text_frames_between_the_bytes_are_handled_at_once(running):
    session, device = running
    device.header(20)
    session.bytes(10)
    assert frames_in(device.ping()) == ["pong"]
    assert device.progress(75) == (ReportProgress(ITEM, 75),)
    assert frames_in(session.text("nonsense")) == ["error"]
    assert FinishUpload(1) in session.bytes(10)
    assert session.scan.phase == "uploading"


def test_an_error_in_between_fails_the_item_and_not_the_upload(running):
    session, device = running
    device.header(20)
    session.bytes(10)
    assert none_of(device.scan_error(), DiscardUpload)
    assert FinishUpload(1) in session.bytes(10)
    session.written(1, 20)
    session.stored(1)
    assert session.outcomes() == [(ITEM, "failed")]
    assert [stored.name for stored in session.state.find(ITEM).results] == ["a.mrd"]


def test_too_many_bytes_end_the_upload_and_are_answered_once(running):
    session, device = running
    device.header(10)
    effects = session.bytes(11)
    assert DiscardUpload(1) in effects
    assert CancelTimer(IDLE) in effects
    assert none_of(effects, AppendUpload, FinishUpload)
    assert frames_in(effects) == ["error"]
    assert session.bytes(1000) == ()
    assert only(effects, ReportUploadFailed).name == "a.mrd"


def test_a_new_header_discards_an_unfinished_upload(running):
    session, device = running
    device.header(10)
    session.bytes(5)
    effects = device.header(7)
    assert DiscardUpload(1) in effects
    assert only(effects, OpenUpload).upload == 2
    assert FinishUpload(2) in session.bytes(7)


def test_stray_bytes_are_answered_once_a_run(registered):
    session, device = registered
    assert [frames_in(session.bytes(5)) for _ in range(3)] == [["error"], [], []]
    device.ping()
    assert [frames_in(session.bytes(5)) for _ in range(2)] == [["error"], []]


@pytest.mark.parametrize(
    "fields",
    [
        {"task_id": OTHER},
        {"user_access_token": "wrong"},
        {"task_id": OTHER, "user_access_token": token_of(OTHER)},
        {"filename": ".."},
        {"filename": ""},
        {"filename": "a/"},
        {"filename": "a\x00b"},
        {"filename": "x" * 256},
        {"size_bytes": 16 * 1024**3 + 1},
        {"sha256": "xyz"},
    ],
)
def test_a_refused_upload_is_drained_and_not_stored(running, fields):
    session, device = running
    size_bytes = fields.get("size_bytes", 30)
    effects = device.header(**{"size_bytes": 30} | fields)
    assert frames_in(effects) == ["error"]
    assert none_of(effects, OpenUpload)
    assert session.bytes(29) == ()
    if size_bytes == 30:
        assert session.bytes(1) == (CancelTimer(IDLE),)
        assert frames_in(session.bytes(1)) == ["error"]
    device.header(4, "good.mrd")
    assert FinishUpload(2) in session.bytes(4)


def test_a_refused_empty_upload_has_nothing_to_drain(running):
    session, device = running
    assert frames_in(device.header(0, "..")) == ["error"]
    assert session.state.uploads == ()


def test_a_refusal_that_shows_no_right_to_the_item_does_not_count_against_it(running):
    session, device = running
    device.header(0, user_access_token="wrong")
    assert session.scan.failed == ()
    device.header(0, "..")
    assert [failure.name for failure in session.scan.failed] == [".."]


def test_an_upload_before_the_first_busy_is_taken_and_acknowledges_nothing(dispatched):
    session, device = dispatched
    device.header(10)
    assert session.scan.phase == "dispatched"
    device.busy()
    assert session.scan.phase == "acknowledged"
    device.progress(10)
    assert session.scan.phase == "uploading"
    assert session.phases() == ["dispatched", "acknowledged", "running", "uploading"]


def test_an_upload_without_progress_passes_through_running(dispatched):
    session, device = dispatched
    device.busy()
    device.header(10)
    assert session.phases() == ["dispatched", "acknowledged", "running", "uploading"]


def test_an_item_that_is_only_recorded_has_no_token_yet(registered):
    session, device = registered
    session.do(events.DispatchRequested(session.at, order_of()))
    assert frames_in(device.header(5)) == ["error"]


def test_a_zombie_may_deliver_with_a_valid_token(lost):
    session, device = lost
    session.close()
    session.open()
    session.passes("register", session.generation, 10)
    assert only(device.header(5), OpenUpload).item_uid == ITEM


def test_the_token_of_an_ended_item_counts_until_its_grace_is_over(running):
    session, device = running
    device.scan_error()
    only(device.header(5), OpenUpload)
    session.bytes(5)
    session.passes("token", ITEM, 60)
    assert none_of(device.header(5), OpenUpload)
    # What had been announced in time is still attached.
    session.written(1, 5)
    session.stored(1)
    assert session.state.find(ITEM) is None


def test_the_number_of_files_of_an_item_is_bounded():
    session, device = opened(Limits(uploads_per_item=3))
    session.dispatch()
    device.busy()
    for number in range(10):
        device.header(5, f"{number}.mrd")
    assert len(session.scan.failed) <= 4
    assert len(session.state.uploads) == 1


def test_the_number_of_files_in_check_is_bounded():
    session, device = opened(Limits(uploads_in_check=3))
    session.dispatch()
    device.busy()
    for number in range(10):
        device.header(0, f"{number}.mrd")
    assert len(session.state.uploads) == 3


def test_the_size_limit_is_that_of_the_device():
    session, device = opened(Limits(upload_bytes=100))
    session.dispatch()
    device.busy()
    assert none_of(device.header(101), OpenUpload)
    only(device.header(100), OpenUpload)
