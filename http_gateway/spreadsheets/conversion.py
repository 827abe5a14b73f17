"""Rows to items of the queue: the rules of names, arguments and keyword arguments. Pure; every cell is data."""

from __future__ import annotations

import datetime
import keyword
from collections.abc import Iterable
from typing import Any

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import LIMITS, Limits
from http_gateway.spreadsheets.literals import check_number, read_arguments, read_literal
from http_gateway.spreadsheets.rows import Row, is_blank, place_of, shorten

_NAME_COLUMN, _ARGUMENTS_COLUMN, _FIRST_KEYWORD = 0, 1, 2
_LONGEST_NAME = 255
_DATES = (datetime.date, datetime.time, datetime.timedelta)


def convert_rows(rows: Iterable[Row], limits: Limits = LIMITS) -> list[dict[str, Any]]:
    """Return one plan for every row below the column names that has a name in its first column.

    Raises:
        SpreadsheetError: a cell cannot be used; the message names its row and column. Or there are no column names.
    """
    remaining = iter(rows)
    first = next(remaining, None)
    if first is None or first.number != 1:
        raise SpreadsheetError("The first row is empty; it must hold the names of the columns.")
    names = _read_names(first)
    items: list[dict[str, Any]] = []
    # Names of columns are repeated in every item.
    left_bytes = limits.batch_bytes
    for row in remaining:
        if is_blank(row.cells[_NAME_COLUMN]):
            continue
        left_bytes -= size_of(row, names)
        if left_bytes < 0:
            raise SpreadsheetError(f"The plans up to row {row.number} are too many for one batch; split the file.")
        items.append(_convert_row(row, names, limits))
    return items


def _read_names(first: Row) -> list[str]:
    names = ["" if is_blank(cell) else str(cell).strip() for cell in first.cells]
    known: dict[str, int] = {}
    for at, name in enumerate(names[_FIRST_KEYWORD:], _FIRST_KEYWORD):
        if len(name) > _LONGEST_NAME:
            raise SpreadsheetError(f"{place_of(1, at)}: the name of the column is longer than {_LONGEST_NAME}.")
        folded = name.casefold()
        if name and folded in known:
            raise SpreadsheetError(
                f"{place_of(1, at, name)}: the column has the same name as {place_of(1, known[folded])}; names are "
                "compared without case."
            )
        known[folded] = at
    return names


def _convert_row(row: Row, names: list[str], limits: Limits) -> dict[str, Any]:
    at, named = _NAME_COLUMN, names[_NAME_COLUMN]
    try:
        item: dict[str, Any] = {"name": _read_plan_name(row.cells[at], limits), "item_type": "plan"}
        keywords: dict[str, object] = {}
        for at, cell in enumerate(row.cells[_ARGUMENTS_COLUMN:], _ARGUMENTS_COLUMN):
            named = names[at] if at < len(names) else ""
            if is_blank(cell):
                continue
            if at == _ARGUMENTS_COLUMN:
                item["args"] = _read_arguments(cell, limits)
            else:
                keywords[_check_keyword(named)] = _read_value(cell, limits)
    except SpreadsheetError as error:
        raise SpreadsheetError(f"{place_of(row.number, at, named)}: {error.message}.") from error
    if keywords:
        item["kwargs"] = keywords
    return item


def _read_plan_name(cell: object, limits: Limits) -> str:
    name: object = cell
    if isinstance(cell, str):
        name = cell.strip()
        if name[0] in "'\"":
            name = read_literal(name, limits)
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise SpreadsheetError(f"{shorten(str(name))!r} is no name of a plan, such as count")
    return name


def _read_arguments(cell: object, limits: Limits) -> list[object]:
    if not isinstance(cell, str):
        return [_read_value(cell, limits)]
    arguments = read_arguments(cell, limits)
    # A cell that is one number is treated alike whether its format stores numbers or text.
    return [make_whole(arguments[0])] if len(arguments) == 1 else arguments


def _read_value(cell: object, limits: Limits) -> object:
    if isinstance(cell, str):
        return make_whole(read_literal(cell, limits))
    if isinstance(cell, (bool, int, float)):
        return make_whole(cell)
    if isinstance(cell, _DATES):
        raise SpreadsheetError("dates and times cannot be used; write the cell as a quoted string")
    raise SpreadsheetError(f"a cell of the type {type(cell).__name__} cannot be used")


def make_whole(value: object) -> object:
    """Return a number as it is meant: whole where a spreadsheet has no whole ones; anything else as it is."""
    return check_number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _check_keyword(name: str) -> str:
    if not name:
        raise SpreadsheetError("the column has no name in row 1, but the cell has a value")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise SpreadsheetError("the name of the column is no name of a parameter, such as num")
    return name


def size_of(row: Row, names: list[str]) -> int:
    """Return about how many bytes a row needs in the batch."""
    cells = sum(len(cell) if isinstance(cell, str) else 8 for cell in row.cells)
    return cells + sum(len(name) + 4 for name, cell in zip(names, row.cells, strict=False) if not is_blank(cell)) + 64
