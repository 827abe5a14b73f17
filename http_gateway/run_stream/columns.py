"""Columns of numbers that only grow, and are thinned out when they have grown too long. Pure.

What is thinned out keeps, of every four rows and for each column, the smallest and the largest value in the order in
which they came, so that no spike is lost.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST_VALUES = 2_000_000
"""Numbers that are kept of one stream of a run."""
MOST_SHOWN = 20_000
"""Rows of a snapshot; of more rows it is thinned out."""

SEQ_NUM, TIME = "seq_num", "time"
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows from ``first`` on, column by column; each row stands for ``stride`` rows that were measured.

    ``generation`` grows when rows that were told before are thinned out: whoever has some, begins anew.
    """

    generation: int
    first: int
    stride: float
    columns: Mapping[str, Sequence[float]]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.columns[SEQ_NUM])


class Columns:
    """The columns of one stream; rows are counted from 0. Missing values, and those that are no numbers, are NaN."""

    def __init__(self, fields: Sequence[str], most_values: int = MOST_VALUES) -> None:
        self._columns = {name: array("d") for name in (SEQ_NUM, TIME, *fields)}
        self._most_rows = max(most_values // len(self._columns), 8)
        self.generation = 0
        self.stride = 1.0

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._columns[SEQ_NUM])

    def add(self, seq_num: float, time: float, data: Mapping[str, object]) -> None:
        """Append a row."""
        for name, column in self._columns.items():
            column.append(_read_number(data.get(name)))
        self._columns[SEQ_NUM][-1] = seq_num
        self._columns[TIME][-1] = time
        if self.rows > self._most_rows:
            self._columns = thin_out(self._columns)
            self.generation += 1
            self.stride *= 2

    def batch(self, first: int, most: int) -> Batch:
        """Return at most ``most`` rows from one on."""
        part = {name: column[first : first + most] for name, column in self._columns.items()}
        return Batch(self.generation, first, self.stride, part)

    def snapshot(self, most: int = MOST_SHOWN) -> Batch:
        """Return all rows, thinned out to at most ``most``."""
        columns, stride = self._columns, self.stride
        while len(columns[SEQ_NUM]) > most:
            columns, stride = thin_out(columns), stride * 2
        return Batch(self.generation, 0, stride, columns)


def thin_out(columns: Mapping[str, array[float]]) -> dict[str, array[float]]:
    """Return half as many rows: of each four, for each column, the smallest and the largest value as they came."""
    return {name: _thin_out(column) for name, column in columns.items()}


def _thin_out(column: array[float]) -> array[float]:
    kept = array("d")
    whole = len(column) - len(column) % 4
    for first, behind in pairwise(range(0, whole + 1, 4)):
        four = column[first:behind]
        numbers = [index for index in range(4) if four[index] == four[index]]
        if not numbers:
            kept.extend((_NAN, _NAN))
            continue
        low, high = min(numbers, key=four.__getitem__), max(numbers, key=four.__getitem__)
        kept.extend((four[min(low, high)], four[max(low, high)]))
    kept.extend(column[whole:])
    return kept


def _read_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _NAN
    try:
        return float(value)
    except OverflowError:
        return _NAN
