"""Statistics that are taken point by point are those that numpy takes of all points at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_worker.metrics.curve import Curve
from device_worker.metrics.documents import DocumentValues
from device_worker.metrics.value import MissingValueError
from queue_server.protocol.result_schema import ResultSchema

NUMBERS = st.floats(min_value=-1e9, max_value=1e9)
VALUES = st.one_of(NUMBERS, st.integers(-(2**40), 2**40), st.just(math.nan))
REFERENCE = {
    "max": np.max,
    "min": np.min,
    "mean": np.mean,
    "sum": np.sum,
    "std": np.std,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
}


def take(statistic, events):
    """Return a statistic of events, each a number and a value."""
    column = {"name": "x", "dtype": "float", "field": "det", "statistic": statistic}
    schema = ResultSchema.model_validate({"columns": [column]})
    values = DocumentValues(schema)
    values("descriptor", {"uid": "d", "run_start": "r", "name": "primary", "data_keys": {"det": {}}})
    for number, value in events:
        values("event", {"descriptor": "d", "seq_num": number, "data": {"det": value}})
    return values.find(schema.columns[0])


@pytest.mark.parametrize("statistic", sorted(REFERENCE))
@given(data=st.lists(VALUES, min_size=1, max_size=60))
def test_a_statistic_is_that_of_numpy(statistic, data):
    found = take(statistic, enumerate(data, 1))
    counted = np.array(data, dtype=float)
    if statistic not in ("first", "last"):
        counted = counted[np.isfinite(counted)]
    if not counted.size:
        assert math.isnan(found)
        return
    expected = float(REFERENCE[statistic](counted))
    largest = float(np.max(np.abs(counted))) if statistic not in ("first", "last") else 1.0
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9 * max(largest, 1.0) * counted.size, nan_ok=True)


@pytest.mark.parametrize("statistic", ["max", "sum", "last", "count"])
@given(
    data=st.lists(NUMBERS, min_size=1, max_size=40),
    rewinds=st.lists(st.tuples(st.integers(0, 39), st.integers(1, 5)), max_size=4),
)
def test_points_that_are_measured_again_count_once(statistic, data, rewinds):
    numbered = list(enumerate(data, 1))
    events = list(numbered)
    for place, length in rewinds:
        # What was measured before is something else; the last measurement of a point is the one that counts.
        before = [(number, value + 17.5) for number, value in numbered[place : place + length]]
        events[0:0] = [*numbered[:place], *before]
    assert take(statistic, events) == take(statistic, numbered)


POINTS = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(0, 1_000)), min_size=3, max_size=30, unique_by=lambda point: point[0]
)


def draw(points):
    curve = Curve()
    for number, (x, y) in enumerate(points):
        curve.put(number, x, y)
    return curve


def fill_in(points):
    """Return a curve through the points with many others on the straight lines between them."""
    x, y = np.array(sorted(points), dtype=float).T
    fine = np.unique(np.concatenate([x, np.linspace(x[0], x[-1], 4_001)]))
    return fine, np.interp(fine, x, y)


@given(POINTS)
def test_the_peak_and_the_centre_are_those_of_the_drawn_line(points):
    curve, (x, y) = draw(points), fill_in(points)
    assert curve.result("peak") == x[np.argmax(y)]
    height = y - y.min()
    if not height.any():
        return
    area = np.sum(np.diff(x) * (height[1:] + height[:-1]))
    moment = np.sum(np.diff(x) * (x[1:] * height[1:] + x[:-1] * height[:-1]))
    assert curve.result("com") == pytest.approx(moment / area, abs=0.01)


@given(POINTS)
def test_the_width_ends_where_the_drawn_line_is_half_as_high(points):
    curve, (x, y) = draw(points), fill_in(points)
    half, top = (y.min() + y.max()) / 2, int(np.argmax(y))
    below = np.flatnonzero(y <= half)
    left, right = below[below < top], below[below > top]
    if y.min() == y.max() or not left.size or not right.size:
        with pytest.raises(MissingValueError):
            curve.result("fwhm")
        return
    step = (x[-1] - x[0]) / 4_000
    assert curve.result("fwhm") == pytest.approx(x[right[0]] - x[left[-1]], abs=2.1 * step)


@given(POINTS, st.floats(-100, 100), st.floats(0.01, 100), st.sampled_from([0.25, 0.5, 2, 8]))
def test_shift_and_scale_do_to_a_curve_what_they_should(points, shift, wide, high):
    there = draw([(x * wide + shift, y * high) for x, y in points])
    here = draw(points)
    for statistic in ("peak", "com", "fwhm"):
        try:
            expected = here.result(statistic)
        except MissingValueError:
            continue
        moved = expected * wide + (0 if statistic == "fwhm" else shift)
        assert there.result(statistic) == pytest.approx(moved, rel=1e-6, abs=1e-6 * (abs(shift) + 50 * wide))
