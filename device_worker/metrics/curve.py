"""A field over another one: position of the maximum, centre of mass, width. It keeps two numbers of each point.

Points are taken in the order of the axis, whatever the order in which they were measured; where several have the same
place, their mean counts. Points without two finite numbers are passed over.

``peak``
    The place of the largest value, the first along the axis if there are several.
``com``
    The centroid of the curve above its minimum, the first moment that ISO 11146 defines for a beam in one dimension:
    the integral of x·(y - min y) over that of (y - min y), where y is straight between the points, so that unequal
    distances do no harm. ``PeakStats`` of Bluesky weighs the numbers of the points instead, and takes no minimum off.
``fwhm``
    The distance of the two places next to the largest value, one on each side, at which the curve, straight between its
    points, is half way between its minimum and its maximum. ``PeakStats`` takes the first and the last such place.
"""

from __future__ import annotations

import math
from array import array
from typing import Any, Final

import numpy as np

from device_worker.metrics.value import MissingValueError, UnfitValueError, read_number
from queue_server.protocol.result_schema import Statistic

MOST_POINTS: Final = 1_000_000
"""Points of a curve; 16 bytes each."""

_Numbers = np.ndarray[Any, Any]


class Curve:
    """The points of a curve by their numbers; a point that comes again takes the place of the earlier one."""

    def __init__(self) -> None:
        self._x = array("d")
        self._y = array("d")

    def put(self, number: int, x: Any, y: Any) -> None:
        """Take point ``number``, counted from 0.

        Raises:
            MissingValueError: one of them is null.
            UnfitValueError: one of them is no number, or there are too many points.
        """
        place, value = float(read_number(x)), float(read_number(y))
        if not 0 <= number < MOST_POINTS:
            raise UnfitValueError(f"point {number} is beyond the {MOST_POINTS} points that a curve can have")
        while len(self._x) <= number:
            self._x.append(math.nan)
            self._y.append(math.nan)
        self._x[number], self._y[number] = place, value

    def result(self, statistic: Statistic) -> float:
        """Return com, fwhm or peak; not a number if there is no point with two finite numbers.

        Raises:
            MissingValueError: there is no point, or the curve has no such thing.
        """
        if not self._x:
            raise MissingValueError("there is no point")
        x, y = self._order()
        if not x.size:
            return math.nan
        if statistic == "peak":
            return float(x[np.argmax(y)])
        if y.min() == y.max():
            raise MissingValueError(f"the value is the same at all places, so that there is no {statistic}")
        with np.errstate(all="ignore"):
            return _find_centre(x, y) if statistic == "com" else _find_width(x, y)

    def _order(self) -> tuple[_Numbers, _Numbers]:
        """Return the finite points in the order of the axis, each place once."""
        x, y = np.array(self._x), np.array(self._y)
        finite = np.isfinite(x) & np.isfinite(y)
        places, indices, counts = np.unique(x[finite], return_inverse=True, return_counts=True)
        # Divided first, since the sum of large values may overflow.
        values = np.bincount(indices, weights=y[finite] / counts[indices], minlength=places.size)
        return places, values


def _find_centre(x: _Numbers, y: _Numbers) -> float:
    height = y - y.min()
    one, other = height[:-1], height[1:]
    # Both integrals of the straight line from one point to the next, times 6.
    moment = np.diff(x) * (x[:-1] * (2 * one + other) + x[1:] * (one + 2 * other))
    area = np.diff(x) * (one + other) * 3
    return float(np.sum(moment) / np.sum(area))


def _find_width(x: _Numbers, y: _Numbers) -> float:
    half = y.min() + (y.max() - y.min()) / 2
    top = int(np.argmax(y))
    left, right = np.flatnonzero(y[:top] <= half), np.flatnonzero(y[top:] <= half)
    if not left.size or not right.size:
        raise MissingValueError("the value does not fall to half of its maximum on both sides of that")
    inner, outer = int(left[-1]), top + int(right[0])
    return _cross(x, y, (outer - 1, outer), half) - _cross(x, y, (inner, inner + 1), half)


def _cross(x: _Numbers, y: _Numbers, between: tuple[int, int], height: float) -> float:
    """Return where the straight line through two neighbouring points has that height."""
    one, other = between
    share = (height - y[one]) / (y[other] - y[one])
    return float(x[one] + share * (x[other] - x[one]))
