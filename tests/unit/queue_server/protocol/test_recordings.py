"""Recorded runs as values: which conditions they meet, and how they are shown."""

from __future__ import annotations

import pytest

from queue_server.protocol.items import AttemptKey
from queue_server.protocol.recordings import RecordedRun, RunEnd, RunFilter

RUN = RecordedRun("a", AttemptKey("item-1", "s-1", "default", 1, 1), 100.0, scan_id=0, plan_name="scan")

FILTERS = [
    (RunFilter(), True),
    (RunFilter(item_uid="item-1", submission="s-1", scan_id=0, plan_name="scan", lane="default"), True),
    (RunFilter(item_uid="item-2"), False),
    (RunFilter(submission="s-2"), False),
    (RunFilter(scan_id=1), False),
    (RunFilter(plan_name=""), False),
    (RunFilter(lane="other", plan_name="scan"), False),
    # Times are for the index.
    (RunFilter(time_from=500.0), True),
]


@pytest.mark.parametrize(("wanted", "fits"), FILTERS)
def test_a_run_fits_if_it_meets_every_condition(wanted, fits):
    assert wanted.fits(RUN) is fits


@pytest.mark.parametrize(("end", "is_open"), [(None, True), (RunEnd("success", 5.0), False)])
def test_a_run_that_has_ended_is_not_open_whatever_its_attempt_does(end, is_open):
    shown = RecordedRun("a", RUN.attempt, 1.0, end=end).shown(is_open=True)
    assert (shown["is_open"], shown["exit_status"]) == (is_open, None if is_open else "success")
