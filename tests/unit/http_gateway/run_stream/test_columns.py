"""Columns only grow, and when they have grown too long, every extreme value is still there."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_gateway.run_stream.columns import Columns, thin_out

NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), max_size=200)


def filled(count, most_values=1_000):
    columns = Columns(["x", "y"], most_values)
    for number in range(1, count + 1):
        columns.add(number, 100.0 + number, {"x": number * 2, "y": "text"})
    return columns


def test_rows_are_given_from_any_row_on():
    batch = filled(5).batch(2, 2)
    assert (batch.first, batch.rows, batch.generation, batch.stride) == (2, 2, 0, 1.0)
    assert list(batch.columns["seq_num"]) == [3, 4]
    assert list(batch.columns["time"]) == [103, 104]
    assert list(batch.columns["x"]) == [6, 8]
    assert all(map(math.isnan, batch.columns["y"]))
    assert filled(5).batch(5, 10).rows == 0


@pytest.mark.parametrize("value", [None, "1", True, [1], 10**400])
def test_what_is_no_number_is_missing(value):
    columns = Columns(["x"])
    columns.add(1, 1.0, {"x": value})
    assert math.isnan(columns.batch(0, 1).columns["x"][0])


@given(NUMBERS)
def test_thinning_out_keeps_the_extremes_and_half_of_the_rows(values):
    kept = thin_out({"x": array("d", values)})["x"]
    whole, rest = divmod(len(values), 4)
    assert len(kept) == 2 * whole + rest
    finite = [value for value in values if not math.isnan(value)]
    left = [value for value in kept if not math.isnan(value)]
    assert set(left) <= set(finite)
    if finite:
        assert (min(left), max(left)) == (min(finite), max(finite))


@given(st.lists(st.floats(0, 1e6), max_size=200))
def test_what_ascends_still_does(values):
    kept = thin_out({"x": array("d", sorted(values))})["x"]
    assert list(kept) == sorted(kept)


def test_what_has_grown_too_long_is_thinned_out_and_says_so():
    columns = filled(101, most_values=400)
    assert (columns.generation, columns.stride) == (1, 2.0)
    assert columns.rows == 51
    assert columns.batch(0, 1).columns["seq_num"][0] == 1


def test_a_snapshot_is_short_and_changes_nothing():
    columns = filled(100)
    shown = columns.snapshot(most=30)
    assert (shown.rows, shown.stride) == (26, 4.0)
    assert list(shown.columns["x"])[-1] == 200
    assert (columns.rows, columns.generation) == (100, 0)
