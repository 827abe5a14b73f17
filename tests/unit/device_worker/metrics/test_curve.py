"""Position, centre of mass and width of curves whose values are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from device_worker.metrics import curve
from device_worker.metrics.curve import Curve
from device_worker.metrics.value import MissingValueError, UnfitValueError


def draw(x, y):
    drawn = Curve()
    for number, (place, value) in enumerate(zip(x, y, strict=True)):
        drawn.put(number, place, value)
    return drawn


def test_a_triangle_has_the_width_of_half_its_base():
    triangle = draw([0, 1, 2, 3, 4], [0, 1, 2, 1, 0])
    assert triangle.result("peak") == 2
    assert triangle.result("com") == pytest.approx(2)
    assert triangle.result("fwhm") == pytest.approx(2)


def test_a_background_changes_nothing():
    assert draw([0, 1, 2, 3], [10, 12, 11, 10]).result("com") == pytest.approx(
        draw([0, 1, 2, 3], [0, 2, 1, 0]).result("com")
    )


def test_a_gaussian_has_the_width_of_its_formula():
    x = np.linspace(-5, 7, 601)
    y = 3 + 100 * np.exp(-((x - 1.3) ** 2) / (2 * 0.4**2))
    drawn = draw(x, y)
    assert drawn.result("fwhm") == pytest.approx(2 * math.sqrt(2 * math.log(2)) * 0.4, rel=1e-3)
    assert drawn.result("com") == pytest.approx(1.3, abs=1e-6)
    assert drawn.result("peak") == pytest.approx(1.3, abs=0.011)


def test_the_order_of_the_points_does_not_matter():
    x, y = [0, 1, 2, 4, 7], [0, 3, 9, 2, 0]
    there, back = draw(x, y), draw(x[::-1], y[::-1])
    for statistic in ("peak", "com", "fwhm"):
        assert there.result(statistic) == back.result(statistic)


def test_unequal_distances_do_no_harm():
    fine = draw(np.linspace(0, 4, 401), np.interp(np.linspace(0, 4, 401), [0, 1, 4], [0, 6, 0]))
    assert draw([0, 1, 4], [0, 6, 0]).result("com") == pytest.approx(fine.result("com"), abs=1e-3)
    crowded = [*np.linspace(0, 2, 201), 3, 4]
    assert draw(crowded, np.interp(crowded, [0, 2, 4], [0, 1, 0])).result("com") == pytest.approx(2, abs=0.01)


def test_of_several_maxima_the_first_along_the_axis_is_the_peak():
    assert draw([3, 1, 2], [5, 5, 0]).result("peak") == 1


def test_points_at_the_same_place_count_as_their_mean():
    assert draw([0, 1, 1, 2, 3], [0, 6, 2, 5, 0]).result("peak") == 2


def test_the_width_is_that_around_the_highest_peak():
    two = draw(range(9), [0, 6, 0, 0, 0, 10, 0, 0, 0])
    assert two.result("fwhm") == pytest.approx(1)


def test_a_point_that_comes_again_takes_the_place_of_the_earlier_one():
    drawn = draw([0, 1, 2], [0, 9, 0])
    drawn.put(1, 1.5, 4)
    assert drawn.result("peak") == 1.5


def test_points_without_two_finite_numbers_are_passed_over():
    drawn = draw([0, 1, 2, 3, 4], [0, math.nan, 2, 1, 0])
    drawn.put(7, math.inf, 100)
    assert drawn.result("peak") == 2


@pytest.mark.parametrize("statistic", ["com", "fwhm"])
def test_a_flat_curve_has_neither_centre_nor_width(statistic):
    with pytest.raises(MissingValueError, match="same at all places"):
        draw([0, 1], [5, 5]).result(statistic)


def test_an_edge_has_no_width():
    with pytest.raises(MissingValueError, match="both sides"):
        draw([0, 1, 2], [0, 1, 2]).result("fwhm")


def test_no_point_is_a_missing_value_and_no_finite_one_is_none():
    with pytest.raises(MissingValueError, match="no point"):
        Curve().result("peak")
    assert math.isnan(draw([math.nan], [1]).result("peak"))


@pytest.mark.parametrize("number", [curve.MOST_POINTS, -1])
def test_a_curve_is_bounded(number):
    with pytest.raises(UnfitValueError, match="beyond"):
        Curve().put(number, 0, 0)


def test_values_near_the_largest_number_raise_nothing():
    assert math.isfinite(draw([0, 1, 2], [0, 1.7e308, 0]).result("peak"))
    draw([0, 1, 2], [-1.7e308, 1.7e308, -1.7e308]).result("com")
