"""Statistics of few points, of none, and of points without a finite number."""

from __future__ import annotations

import math

import pytest

from device_worker.metrics.statistic import make_accumulator
from device_worker.metrics.value import MissingValueError, UnfitValueError

NUMERIC = ("max", "min", "mean", "sum", "std")


def take(statistic, *values):
    accumulator = make_accumulator(statistic)
    for value in values:
        accumulator.add(value)
    return accumulator.result()


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("max", 4),
        ("min", -1),
        ("mean", 2.0),
        ("sum", 6),
        ("last", -1),
        ("first", 3),
        ("std", math.sqrt(14 / 3)),
        ("count", 3),
    ],
)
def test_each_statistic_is_what_it_is_called(statistic, expected):
    assert take(statistic, 3, 4, -1) == pytest.approx(expected)


@pytest.mark.parametrize("statistic", NUMERIC)
def test_points_without_a_finite_number_are_passed_over(statistic):
    assert take(statistic, math.nan, 2.0, math.inf, 4.0) == take(statistic, 2.0, 4.0)


@pytest.mark.parametrize("statistic", NUMERIC)
def test_no_finite_number_at_all_gives_none(statistic):
    assert math.isnan(take(statistic, math.nan, math.inf))


@pytest.mark.parametrize("statistic", [*NUMERIC, "first", "last"])
def test_no_point_at_all_is_a_missing_value(statistic):
    with pytest.raises(MissingValueError, match="no point"):
        take(statistic)


def test_no_point_counts_as_none():
    assert take("count") == 0


@pytest.mark.parametrize("statistic", NUMERIC)
@pytest.mark.parametrize("value", ["text", True, [1]])
def test_only_numbers_have_these_statistics(statistic, value):
    with pytest.raises(UnfitValueError):
        take(statistic, value)


def test_texts_can_be_counted_and_the_first_and_last_taken():
    assert [take(each, "a", "b") for each in ("first", "last", "count")] == ["a", "b", 2]


def test_the_sum_of_whole_numbers_is_exact():
    assert take("sum", 2**62, 2**62, 1) == 2**63 + 1
    assert type(take("sum", 1, 2)) is int


def test_small_summands_are_not_lost_beside_large_ones():
    assert take("sum", 1e100, 1.0, -1e100) == 1.0


def test_a_sum_beyond_all_numbers_is_not_finite():
    assert math.isinf(take("sum", 1e308, 1e308))
