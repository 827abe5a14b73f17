"""Runs are reported as they open and close, and listed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from device_worker.run_engine.runs import RUNS_LIMIT, RunList, read_scan_id
from queue_server.protocol.items import AttemptKey, Run
from queue_server.protocol.run_reports import MOST_STREAMS
from queue_server.protocol.worker_link import Hello, RunClosed, RunOpened, pack, read_from_worker

KEY = AttemptKey("item", "submission", "default", 1, 1)


@pytest.fixture
def reports():
    return []


@pytest.fixture
def listed():
    return []


@pytest.fixture
def runs(reports, listed):
    return RunList(KEY, reports.append, listed.append)


def test_each_start_and_stop_is_reported_and_listed(runs, reports, listed):
    runs("start", {"uid": "a", "scan_id": 7})
    runs("descriptor", {"uid": "d"})
    runs("event", {"uid": "e"})
    runs("start", {"uid": "b"})
    runs("stop", {"run_start": "a", "exit_status": "success"})
    assert [type(report) for report in reports] == [RunOpened, RunOpened, RunClosed]
    assert (reports[0].run_uid, reports[0].scan_id, reports[0].attempt) == ("a", 7, KEY)
    assert (reports[2].run_uid, reports[2].exit_status) == ("a", "success")
    assert listed[-1] == (Run("a", 7, is_open=False, exit_status="success"), Run("b"))
    assert (runs.uids, runs.scan_ids) == (("a", "b"), (7,))


def test_a_run_whose_start_was_missed_is_still_listed(runs, listed):
    runs("stop", {"run_start": "a"})
    assert listed == [(Run("a", is_open=False, exit_status=""),)]


class Records:
    """Where runs are recorded; every other one is not."""

    host = "far.example.org"

    def name_of(self, run_uid):
        return "runs/2026-11/a.jsonl" if run_uid == "a" else ""


def test_reports_tell_plan_times_counts_and_where_the_run_is_recorded(reports, listed):
    runs = RunList(KEY, reports.append, listed.append, Records())
    runs("start", {"uid": "a", "plan_name": "count", "time": 1.5})
    runs("stop", {"run_start": "a", "exit_status": "success", "time": 2.5, "num_events": {"primary": 3, "baseline": 2}})
    runs("start", {"uid": "b"})
    opened, closed, other = reports
    assert (opened.plan_name, opened.time) == ("count", 1.5)
    assert (opened.file, opened.host) == ("runs/2026-11/a.jsonl", "far.example.org")
    assert (closed.time, closed.num_events) == (2.5, {"primary": 3, "baseline": 2})
    assert (other.plan_name, other.time, other.file, other.host) == ("", None, "", "")


@pytest.mark.parametrize("time", ["soon", None, float("nan"), float("inf")])
def test_times_that_are_none_are_left_out(runs, reports, time):
    runs("start", {"uid": "a", "time": time})
    assert reports[0].time is None


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (None, {}),
        ([3], {}),
        ({"primary": "3", "dark": -1, "flat": 2**63, 5: 1, "x" * 200: 1, "good": 4}, {"good": 4}),
    ],
)
def test_counts_that_are_none_are_left_out(runs, reports, counts, told):
    runs("stop", {"run_start": "a", "num_events": counts})
    assert reports[0].num_events == told


def test_of_very_many_streams_only_the_first_are_told(runs, reports):
    runs("stop", {"run_start": "a", "num_events": {f"s{number}": 1 for number in range(MOST_STREAMS + 1)}})
    assert len(reports[0].num_events) == MOST_STREAMS
    assert read_from_worker(pack(reports[0])) == reports[0]


@pytest.mark.parametrize(
    ("start", "scan_id"),
    [
        ({"scan_id": 3}, 3),
        ({"scan_id": np.int64(4)}, 4),
        ({"scan_id": "5"}, None),
        ({"scan_id": 1.5}, None),
        ({}, None),
    ],
)
def test_only_whole_numbers_are_scan_ids(start, scan_id):
    assert read_scan_id(start) == scan_id


def test_many_runs_are_all_reported_and_their_list_fits_into_a_message(runs, reports, listed):
    for number in range(RUNS_LIMIT + 1):
        runs("start", {"uid": f"{number:036}", "scan_id": number})
        runs("stop", {"run_start": f"{number:036}", "exit_status": "success"})
    assert len(reports) == 2 * (RUNS_LIMIT + 1)
    assert len(runs.uids) == RUNS_LIMIT
    hello = Hello(
        lane="default", incarnation="one", pid=1, environment="open", attempt=KEY, runs=listed[-1], next_report=1
    )
    message: Any = read_from_worker(pack(hello))
    assert len(message.runs) == RUNS_LIMIT
