"""Statistics of a field, taken point by point: what has been added cannot be taken back, and no point is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, Protocol

from device_worker.metrics.value import MissingValueError, is_finite, read_number
from queue_server.protocol.result_schema import Statistic


class Accumulator(Protocol):
    """A statistic on its way."""

    def add(self, value: Any) -> None:
        """Take the value of the next point.

        Raises:
            UnfitValueError: the statistic is not defined for such values.
        """
        ...

    def result(self) -> Any:
        """Return the statistic of what was added; a number that is not finite where all values are so.

        Raises:
            MissingValueError: nothing was added.
        """
        ...


class First:
    """The value of the first point."""

    def __init__(self) -> None:
        self._values: list[Any] = []

    def add(self, value: Any) -> None:
        """Take the value of the next point."""
        if not self._values:
            self._values.append(value)

    def result(self) -> Any:
        """Return the first value."""
        return _only(self._values)


class Last:
    """The value of the last point."""

    def __init__(self) -> None:
        self._values: list[Any] = []

    def add(self, value: Any) -> None:
        """Take the value of the next point."""
        self._values[:] = [value]

    def result(self) -> Any:
        """Return the last value."""
        return _only(self._values)


class Count:
    """How many points have a value, whatever it is."""

    def __init__(self) -> None:
        self._points = 0

    def add(self, value: Any) -> None:
        """Take the value of the next point."""
        self._points += 1

    def result(self) -> int:
        """Return the number of points."""
        return self._points


class Extreme:
    """The largest or smallest of the finite values."""

    def __init__(self, choose: Callable[[float, float], float]) -> None:
        self._choose = choose
        self._found: float | None = None
        self._has_points = False

    def add(self, value: Any) -> None:
        """Take the value of the next point."""
        number = read_number(value)
        self._has_points = True
        if is_finite(number):
            self._found = number if self._found is None else self._choose(self._found, number)

    def result(self) -> float:
        """Return the extreme value."""
        return _undefined(has_points=self._has_points) if self._found is None else self._found


class Sum:
    """The sum of the finite values: exact for whole numbers, with Neumaier's correction of rounding for others."""

    def __init__(self) -> None:
        self.points = 0
        self._has_points = False
        self._whole = 0
        self._sum = 0.0
        self._correction = 0.0

    def add(self, value: Any) -> None:
        """Take the value of the next point."""
        number = read_number(value)
        self._has_points = True
        if not is_finite(number):
            return
        self.points += 1
        if isinstance(number, int):
            self._whole += number
            return
        total = self._sum + number
        larger, smaller = (self._sum, number) if abs(self._sum) >= abs(number) else (number, self._sum)
        self._correction += (larger - total) + smaller
        self._sum = total

    def result(self) -> float:
        """Return the sum; a whole number if all values are."""
        if not self.points:
            return _undefined(has_points=self._has_points)
        fraction = self._sum + self._correction if math.isfinite(self._sum) else self._sum
        return self._whole + fraction if fraction else self._whole


class Mean:
    """The arithmetic mean of the finite values."""

    def __init__(self) -> None:
        self._sum = Sum()

    def add(self, value: Any) -> None:
        """Take the value of the next point."""
        self._sum.add(value)

    def result(self) -> float:
        """Return the mean."""
        return self._sum.result() / max(self._sum.points, 1)


class Deviation:
    """The standard deviation of the finite values, divided by their number, not one less; by Welford's recurrence."""

    def __init__(self) -> None:
        self._has_points = False
        self._points = 0
        self._mean = 0.0
        self._squares = 0.0

    def add(self, value: Any) -> None:
        """Take the value of the next point."""
        number = float(read_number(value))
        self._has_points = True
        if not is_finite(number):
            return
        self._points += 1
        before = number - self._mean
        self._mean += before / self._points
        self._squares += before * (number - self._mean)

    def result(self) -> float:
        """Return the standard deviation; 0 for a single point."""
        return math.sqrt(self._squares / self._points) if self._points else _undefined(has_points=self._has_points)


_MAKERS: Final[dict[Statistic, Callable[[], Accumulator]]] = {
    "first": First,
    "last": Last,
    "count": Count,
    "max": lambda: Extreme(max),
    "min": lambda: Extreme(min),
    "sum": Sum,
    "mean": Mean,
    "std": Deviation,
}


def make_accumulator(statistic: Statistic) -> Accumulator:
    """Return a statistic to which nothing was added; com, fwhm and peak are those of a ``Curve``."""
    return _MAKERS[statistic]()


def _only(values: list[Any]) -> Any:
    if not values:
        raise MissingValueError("there is no point")
    return values[0]


def _undefined(*, has_points: bool) -> float:
    if not has_points:
        raise MissingValueError("there is no point")
    return math.nan
