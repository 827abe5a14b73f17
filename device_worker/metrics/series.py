"""One field of one stream in one run, point by point, towards the statistic that a column wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from device_worker.metrics.curve import Curve
from device_worker.metrics.statistic import Accumulator, make_accumulator
from device_worker.metrics.value import MissingValueError, UnfitValueError, read_scalar
from queue_server.protocol.result_schema import CURVES, Column, Statistic

TAIL: Final = 1_000
"""So many points at least may come again. After a pause the RunEngine goes back to the last checkpoint, and what it
measures again has the numbers of the points that it replaces; plans have a checkpoint at each point, or each line."""


class _Tail:
    """The newest values wait, because they may be replaced; older ones are in the accumulator."""

    def __init__(self, accumulator: Accumulator) -> None:
        self._accumulator = accumulator
        self._waiting: dict[int, Any] = {}
        self._added = -1

    def put(self, number: int, value: Any) -> None:
        if number > self._added:
            self._waiting[number] = value
            if len(self._waiting) >= 2 * TAIL:
                self._add(sorted(self._waiting)[:-TAIL])

    def result(self) -> Any:
        self._add(sorted(self._waiting))
        return self._accumulator.result()

    def _add(self, numbers: list[int]) -> None:
        for number in numbers:
            self._accumulator.add(self._waiting.pop(number))
            self._added = number


class Series:
    """What a column takes of the points of one run; the first value that does not fit decides that there is none."""

    def __init__(self, field: str, statistic: Statistic, over: str | None) -> None:
        self._field = field
        self._statistic: Statistic = statistic
        self._over = over
        self._obstacle: MissingValueError | UnfitValueError | None = None
        self._curve = Curve()
        self._tail = None if statistic in CURVES else _Tail(make_accumulator(statistic))

    @classmethod
    def of(cls, column: Column) -> Series:
        """Return an empty series for a column with a field."""
        return cls(column.field or "", column.statistic or "last", column.over)

    def describe(self, data_keys: Mapping[str, Any]) -> None:
        """Note what a descriptor says of the fields of its events."""
        for name in filter(None, (self._field, self._over)):
            if name not in data_keys:
                self._obstacle = MissingValueError(f"the stream has no field {name!r}, but {_list(data_keys)}")
                return
            if data_keys[name].get("external"):
                self._obstacle = UnfitValueError(
                    f"the values of {name!r} are in files of their detector, and not in events"
                )
                return

    def put(self, number: int, data: Mapping[str, Any]) -> None:
        """Take a point, whose number counts from 1; without a value it is passed over."""
        if self._obstacle is not None or self._field not in data:
            return
        try:
            if self._tail is None:
                self._curve.put(number - 1, data.get(self._over or ""), data[self._field])
            else:
                self._tail.put(number, _take(data[self._field]))
        except MissingValueError:
            return
        except UnfitValueError as error:
            self._obstacle = error

    def result(self) -> Any:
        """Return the statistic, as it is and not yet cast.

        Raises:
            MissingValueError: there is no value.
            UnfitValueError: a value does not fit.
        """
        if self._obstacle is not None:
            raise self._obstacle
        return self._curve.result(self._statistic) if self._tail is None else read_scalar(self._tail.result())


def _take(value: Any) -> Any:
    """Return what may wait of a value: no image, but why that is none."""
    try:
        return read_scalar(value)
    except UnfitValueError as error:
        return error


def _list(names: Mapping[str, Any]) -> str:
    shown = ", ".join(sorted(map(str, names))[:20])
    return f"{shown} and others" if len(names) > 20 else shown or "none at all"
