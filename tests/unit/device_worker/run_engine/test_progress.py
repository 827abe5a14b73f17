"""Points done of points planned."""

from __future__ import annotations

import numpy as np
import pytest

from device_worker.run_engine.progress import PointCounter, read_total
from queue_server.protocol.items import AttemptKey

KEY = AttemptKey("item", "submission", "default", 1, 1)


@pytest.fixture
def shown():
    return []


@pytest.fixture
def counter(shown):
    return PointCounter(KEY, lambda progress: shown.append((progress.points, progress.total)))


def open_run(counter, uid, stream="primary", **announced):
    counter("start", {"uid": uid, **announced})
    counter("descriptor", {"uid": f"{uid}-{stream}", "run_start": uid, "name": stream})


def measure(counter, uid, number, stream="primary"):
    counter("event", {"descriptor": f"{uid}-{stream}", "seq_num": number})


def test_each_point_is_shown_with_the_total(counter, shown):
    open_run(counter, "a", num_points=2)
    measure(counter, "a", 1)
    measure(counter, "a", 2)
    counter("stop", {"run_start": "a"})
    assert shown == [(0, 2), (1, 2), (2, 2)]


def test_a_point_that_is_measured_again_counts_once(counter):
    open_run(counter, "a", num_points=2)
    for number in (1, 1, 2):
        measure(counter, "a", number)
    assert counter.points == 2


def test_the_runs_of_a_plan_add_up_also_when_they_are_nested(counter):
    open_run(counter, "a", num_points=2)
    open_run(counter, "b", shape=[2, 3])
    measure(counter, "b", 1)
    measure(counter, "a", 1)
    measure(counter, "b", 2)
    assert (counter.points, counter.total) == (3, 8)


def test_one_run_that_does_not_say_makes_the_total_unknown(counter):
    open_run(counter, "a", num_points=2)
    open_run(counter, "b")
    assert counter.total is None


def test_there_is_no_total_without_a_run(counter):
    assert (counter.points, counter.total) == (0, None)


def test_other_streams_do_not_count(counter, shown):
    open_run(counter, "a", stream="baseline", num_points=2)
    measure(counter, "a", 1, stream="baseline")
    counter("event", {"descriptor": "of nobody", "seq_num": 1})
    assert shown == [(0, 2)]


def test_pages_and_files_of_detectors_count(counter):
    open_run(counter, "a", num_points=10)
    counter("event_page", {"descriptor": "a-primary", "seq_num": [1, 2, 3]})
    assert counter.points == 3
    counter("event_page", {"descriptor": "a-primary", "seq_num": []})
    counter("stream_datum", {"descriptor": "a-primary", "seq_nums": {"start": 0, "stop": 0}})
    counter("stream_datum", {"descriptor": "a-primary", "seq_nums": {"start": 4, "stop": 6}})
    assert counter.points == 5


@pytest.mark.parametrize(
    ("start", "total"),
    [
        ({"num_points": 5}, 5),
        ({"num_points": np.int32(5)}, 5),
        ({"num_points": 0}, 0),
        ({"num_points": 12, "shape": [3, 3]}, 12),
        ({"shape": (3, 4)}, 12),
        ({"shape": []}, None),
        ({"num_points": None}, None),
        ({"num_points": -1}, None),
        ({"num_points": "many"}, None),
        ({"shape": [2.5]}, None),
        ({"shape": "ab"}, None),
        ({}, None),
    ],
)
def test_what_a_start_document_announces(start, total):
    assert read_total(start) == total
