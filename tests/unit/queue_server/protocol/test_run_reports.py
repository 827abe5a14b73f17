"""What workers report of runs: only what can be stored, and no file outside of the directory of runs."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from queue_server.client.run_location import RUN_PLACE
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.run_reports import MOST_STREAMS, RunClosed, RunOpened
from queue_server.protocol.worker_link import pack, read_from_worker

KEY = AttemptKey("item-1", "s-1", "default", 1, 1)


def opened(**more):
    """Return a report of a run that was opened."""
    return RunOpened(number=1, attempt=KEY, run_uid="a", **more)


def closed(**more):
    """Return a report of a run that was closed."""
    return RunClosed(number=2, attempt=KEY, run_uid="a", exit_status="success", **more)


def test_reports_come_as_they_were_sent():
    place = {"file": "runs/2026-11/a.jsonl", "host": "far"}
    for report in (opened(), opened(scan_id=7, plan_name="scan", time=5.0, **place), closed(num_events={"primary": 3})):
        assert read_from_worker(pack(report)) == report


PLACES = {
    "runs/2026-11/a.jsonl": True,
    "runs/2026-11/a.2.jsonl": True,
    "": None,
    "runs/2026-11/.jsonl": False,
    "runs/2026-11/../../queue.sqlite": False,
    "runs/2026-11/x/../a.jsonl": False,
    "runs/../a.jsonl": False,
    "/runs/2026-11/a.jsonl": False,
    "runs/2026-11/a.jsonl\n": False,
    "runs/2026-11/a\0.jsonl": False,
    "runs/2026-11/a.txt": False,
    "documents/2026-11/a.jsonl": False,
    "runs/2026/a.jsonl": False,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_file_of_a_run_is_in_the_directory_of_runs(place):
    if PLACES[place] is False:
        with pytest.raises(ValidationError, match="file"):
            opened(file=place)
    else:
        assert opened(file=place).file == place
    # Whoever opens the file knows the same places, and that an empty one is none.
    assert (RUN_PLACE.fullmatch(place) is not None) is bool(PLACES[place])


WRONG = {
    "a time that is none": {"time": math.nan},
    "counts below zero": {"num_events": {"primary": -1}},
    "too many streams": {"num_events": {str(number): 1 for number in range(MOST_STREAMS + 1)}},
    "a stream with a long name": {"num_events": {"x" * 129: 1}},
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_stored_is_refused(what):
    with pytest.raises(ValidationError):
        closed(**WRONG[what])
