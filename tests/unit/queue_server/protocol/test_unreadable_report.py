"""What a frame says of itself that is no message."""

from __future__ import annotations

from dataclasses import asdict

import msgpack
import pytest

from queue_server.protocol.codec import encode
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.unreadable_report import LONGEST_REASON, recognise_report
from queue_server.protocol.worker_link import ItemFinished, TaskFinished, pack

KEY = AttemptKey("item", "submission", "default", 1, 1)


def nest(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


def test_what_a_report_is_about_is_known_from_its_beginning():
    finished = ItemFinished(number=7, attempt=KEY, outcome="completed", time_start=1.0, time_stop=2.0)
    report = recognise_report(pack(finished), "no reason")
    assert report is not None
    assert (report.number, report.kind, report.attempt, report.reason) == (7, "item_finished", KEY, "no reason")


def test_a_task_is_known_by_its_uid():
    finished = TaskFinished(number=8, task_uid="task", success=True, time_start=1.0, time_stop=2.0)
    report = recognise_report(pack(finished), "")
    assert report is not None
    assert (report.number, report.task_uid, report.attempt) == (8, "task", None)


@pytest.mark.parametrize(
    "rest",
    [
        {"more": nest(400)},
        {"more": list(range(100_000))},
        {"more": "x" * 1_000_000},
        {"more": b"bytes"},
        {5: 6},
        {"more": float("nan")},
        {"attempt": {"item_uid": 1}},
        {"attempt": "none"},
        {"attempt": {"k" * 2000: 1}},
        {"task_uid": 5},
    ],
    ids=range(10),
)
def test_whatever_follows_the_number_does_not_matter(rest):
    frame = msgpack.packb({"kind": "run_opened", "number": 3, **rest})
    assert frame is not None
    report = recognise_report(frame, "x" * 5000)
    assert report is not None
    assert (report.number, report.kind, report.attempt, report.task_uid) == (3, "run_opened", None, "")
    assert len(report.reason) == LONGEST_REASON


def test_a_frame_that_is_cut_off_behind_the_number_is_a_report():
    frame = encode({"kind": "item_finished", "number": 3, "attempt": asdict(KEY)}, "msgpack")
    report = recognise_report(frame[:-5], "")
    assert report is not None
    assert (report.number, report.attempt) == (3, None)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"hello",
        b"{}",
        b"\x80",
        b"\xff" * 100,
        b"\xdf\xff\xff\xff\xff",
        msgpack.packb([1, 2]),
        msgpack.packb({"number": 1}),
        msgpack.packb({"kind": "x"}),
        msgpack.packb({"kind": 1, "number": 1}),
        msgpack.packb({"kind": "x", "number": "1"}),
        msgpack.packb({"kind": "x", "number": True}),
        msgpack.packb({"kind": "x", "number": 0}),
        msgpack.packb({1: 2, "kind": "x", "number": 1}),
    ],
    ids=range(14),
)
def test_what_has_no_number_is_no_report(frame):
    assert recognise_report(frame, "") is None
