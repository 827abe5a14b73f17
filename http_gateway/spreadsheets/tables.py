"""Rows to sets of parameters: names in the first row, then a set of values in each row. Pure; every cell is data."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from http_gateway.spreadsheets.conversion import make_whole, size_of
from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import LIMITS, Limits
from http_gateway.spreadsheets.literals import read_literal
from http_gateway.spreadsheets.rows import Row, is_blank, place_of

_LONGEST_NAME: Final = 255
_DATES: Final = (datetime.date, datetime.time)
_OPENING: Final = ("[", "(", "{", "'", '"')
_WORDS: Final[dict[str, object]] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Table:
    """Sets of values by the names of the columns, and in the same order the numbers of the rows in which they stand."""

    names: tuple[str, ...]
    points: tuple[dict[str, Any], ...]
    numbers: tuple[int, ...]

    def place_of(self, index: int, name: str = "") -> str:
        """Return how a person finds a set of values, or a value of it."""
        number = self.numbers[index]
        return place_of(number, self.names.index(name), name) if name in self.names else f"Row {number}"


def read_table(rows: Iterable[Row], limits: Limits = LIMITS) -> Table:
    """Return a set of values for every row below the column names; blank cells are left out of it.

    Raises:
        SpreadsheetError: a cell cannot be used; the message names its row and column. Or there are no names, or no
            rows below them.
    """
    remaining = iter(rows)
    first = next(remaining, None)
    if first is None or first.number != 1:
        raise SpreadsheetError("The first row is empty; it must hold the names of the columns.")
    names = _read_names(first)
    points: list[dict[str, Any]] = []
    numbers: list[int] = []
    # Names of columns are repeated in every item.
    left_bytes = limits.batch_bytes
    for row in remaining:
        left_bytes -= size_of(row, names)
        if left_bytes < 0:
            raise SpreadsheetError(f"The items up to row {row.number} are too many for one batch; split the file.")
        points.append(_read_point(row, names, limits))
        numbers.append(row.number)
    if not points:
        raise SpreadsheetError("There is no row below the names of the columns.")
    return Table(tuple(names), tuple(points), tuple(numbers))


def _read_names(first: Row) -> list[str]:
    names = ["" if is_blank(cell) else str(cell).strip() for cell in first.cells]
    for at, name in enumerate(names):
        if len(name) > _LONGEST_NAME:
            raise SpreadsheetError(f"{place_of(1, at)}: the name of the column is longer than {_LONGEST_NAME}.")
        if name and name in names[:at]:
            other = place_of(1, names.index(name))
            raise SpreadsheetError(f"{place_of(1, at, name)}: the column has the same name as {other}.")
    return names


def _read_point(row: Row, names: list[str], limits: Limits) -> dict[str, Any]:
    point: dict[str, Any] = {}
    for at, cell in enumerate(row.cells):
        if is_blank(cell):
            continue
        name = names[at] if at < len(names) else ""
        try:
            if not name:
                raise SpreadsheetError("the column has no name in row 1, but the cell has a value")
            point[name] = _read_cell(cell, limits)
        except SpreadsheetError as error:
            raise SpreadsheetError(f"{place_of(row.number, at, name)}: {error.message}.") from error
    return point


def _read_cell(cell: object, limits: Limits) -> object:
    if isinstance(cell, _DATES):
        return cell.isoformat()
    if not isinstance(cell, str):
        if isinstance(cell, (bool, int, float)):
            return make_whole(cell)
        raise SpreadsheetError(f"a cell of the type {type(cell).__name__} cannot be used")
    text = cell.strip()
    if text in _WORDS:
        return _WORDS[text]
    try:
        return make_whole(read_literal(text, limits))
    except SpreadsheetError:
        if text.startswith(_OPENING):
            raise
        # What is no value in the notation of one is a text, as most cells of people are.
        return text
