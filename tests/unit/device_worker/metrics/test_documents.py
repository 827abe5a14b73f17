"""Which run, which stream and which points count, however documents come."""

from __future__ import annotations

import numpy as np
import pytest

from device_worker.metrics.documents import DocumentValues
from device_worker.metrics.series import TAIL
from device_worker.metrics.value import MissingValueError, UnfitValueError
from queue_server.protocol.result_schema import ResultSchema


class Watched:
    """A schema of one column, and the documents that it hears."""

    def __init__(self, **column):
        given = {"name": "x", "dtype": "float", **column}
        self.column = ResultSchema.model_validate({"columns": [given]}).columns[0]
        self.values = DocumentValues(ResultSchema.model_validate({"columns": [given]}))

    def describe(self, run="r", stream="primary", fields=("det", "motor"), uid=None, **key):
        data_keys = {name: {"dtype": "number", "shape": [], "source": "", **key} for name in fields}
        doc = {"uid": uid or f"{run}-{stream}", "run_start": run, "name": stream, "data_keys": data_keys}
        self.values("descriptor", doc)

    def take(self, *points, run="r", stream="primary", first=1, uid=None):
        for number, data in enumerate(points, first):
            data = data if isinstance(data, dict) else {"det": data}
            self.values("event", {"descriptor": uid or f"{run}-{stream}", "seq_num": number, "data": data})

    def stop(self, run="r", **more):
        self.values("stop", {"uid": "stop", "run_start": run, "exit_status": "success", **more})

    def find(self):
        return self.values.find(self.column)


def test_a_statistic_is_taken_of_a_field():
    watched = Watched(field="det", statistic="mean")
    watched.values("start", {"uid": "r"})
    watched.describe()
    watched.take(1, 2, 6)
    assert watched.find() == 3


def test_only_the_named_stream_counts():
    watched = Watched(field="det", statistic="count", stream="baseline")
    watched.describe()
    watched.describe(stream="baseline")
    watched.take(1, 2, 3)
    watched.take(1, 2, stream="baseline")
    assert watched.find() == 2


def test_pages_count_as_their_points():
    watched = Watched(field="det", statistic="com", over="motor")
    watched.describe()
    data = {"det": [0, 1, 0], "motor": [0.0, 2.0, 4.0]}
    watched.values("event_page", {"descriptor": "r-primary", "seq_num": [1, 2, 3], "data": data})
    watched.values("event_page", {"descriptor": "another", "seq_num": [4], "data": {"det": [9], "motor": [9]}})
    assert watched.find() == pytest.approx(2)


def test_the_last_run_that_has_the_stream_counts():
    watched = Watched(field="det", statistic="sum")
    watched.describe("a")
    watched.take(1, run="a")
    watched.stop("a")
    watched.describe("b")
    watched.take(10, run="b")
    watched.stop("b")
    watched.describe("c", stream="baseline")
    watched.stop("c")
    assert watched.find() == 10


def test_an_outer_run_that_goes_on_does_not_come_back():
    watched = Watched(field="det", statistic="sum")
    watched.describe("outer")
    watched.take(1, run="outer")
    watched.describe("inner")
    watched.take(10, run="inner")
    watched.stop("inner")
    watched.take(2, run="outer", first=2)
    watched.describe("outer", uid="again")
    watched.take(3, uid="again", first=3)
    assert watched.find() == 10


def test_a_stream_that_is_described_again_in_its_run_goes_on():
    watched = Watched(field="det", statistic="sum")
    watched.describe()
    watched.take(1)
    watched.describe(uid="again")
    watched.take(2, uid="again", first=2)
    assert watched.find() == 3


@pytest.mark.parametrize(
    ("statistic", "expected"), [("max", 6), ("sum", 13), ("count", 4), ("last", 3), ("first", 1), ("mean", 3.25)]
)
def test_a_point_that_is_measured_again_replaces_the_earlier_one(statistic, expected):
    watched = Watched(field="det", statistic=statistic)
    watched.describe()
    watched.take(1, 100, 200)
    watched.take(3, 6, 3, first=2)
    assert watched.find() == expected


def test_points_that_came_long_ago_are_not_replaced():
    watched = Watched(field="det", statistic="sum")
    watched.describe()
    watched.take(*[1] * (2 * TAIL))
    watched.take(1_000_000, first=TAIL)
    watched.take(11, first=TAIL + 1)
    assert watched.find() == 2 * TAIL + 10


def test_points_may_come_in_another_order():
    watched = Watched(field="det", statistic="last")
    watched.describe()
    for number in (3, 1, 2):
        watched.take(number * 10, first=number)
    assert watched.find() == 30


def test_a_point_without_the_field_is_passed_over():
    watched = Watched(field="det", statistic="count")
    watched.describe()
    watched.take(1, {"motor": 2}, {"det": None}, 3)
    assert watched.find() == 2


def test_the_stop_document_is_looked_into():
    watched = Watched(stop="num_events/primary", dtype="int")
    watched.stop("a", num_events={"primary": 3})
    watched.stop("b", num_events={"primary": 5})
    assert watched.find() == 5


@pytest.mark.parametrize(
    ("column", "fields", "error", "why"),
    [
        ({"field": "det"}, None, MissingValueError, "no run has a stream 'primary'"),
        ({"field": "dot"}, ("det", "motor"), MissingValueError, "the stream has no field 'dot', but det, motor"),
        ({"field": "det"}, ("det",), MissingValueError, "there is no point"),
        ({"field": "det", "statistic": "com", "over": "m"}, ("det",), MissingValueError, "has no field 'm'"),
        ({"stop": "reason"}, (), MissingValueError, "no run has ended"),
    ],
)
def test_a_missing_value_says_what_is_not_there(column, fields, error, why):
    watched = Watched(**column)
    if fields is not None:
        watched.describe(fields=fields)
    with pytest.raises(error) as raised:
        watched.find()
    assert why in str(raised.value)


def test_a_missing_key_of_the_stop_document_is_named():
    watched = Watched(stop="num_events/primary")
    watched.stop()
    with pytest.raises(MissingValueError, match="no 'num_events' in the stop document"):
        watched.find()


def test_values_that_a_detector_keeps_in_files_have_no_statistic():
    watched = Watched(field="det", statistic="max")
    watched.describe(external="FILESTORE:")
    watched.take("a-datum/1")
    with pytest.raises(UnfitValueError, match="in files"):
        watched.find()


@pytest.mark.parametrize("statistic", ["max", "last", "mean"])
def test_an_array_has_no_statistic_and_is_not_kept(statistic):
    watched = Watched(field="det", statistic=statistic)
    watched.describe()
    watched.take(np.zeros((2, 2)))
    with pytest.raises(UnfitValueError, match="shape"):
        watched.values.find(watched.column)
