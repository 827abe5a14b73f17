"""Rows as the readers of all formats give them: numbered as a person sees them, trimmed, and bounded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import Limits

LAST_ROW: Final = 1_048_576
"""No spreadsheet program has more rows; a file that claims more is broken."""
_SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not blank. Cells are None, bool, int, float or str; anything else cannot be used."""

    number: int
    cells: tuple[object, ...]


def bound_rows(rows: Iterable[Sequence[object]], limits: Limits) -> Iterator[Row]:
    """Yield the rows that are not blank, without blank cells at their ends.

    Raises:
        SpreadsheetError: there are more rows or columns than allowed, or a cell is too long.
    """
    for number, cells in enumerate(rows, 1):
        if number > LAST_ROW:
            raise _too_many_rows(limits)
        width = _width_of(cells)
        if not width:
            continue
        if number > limits.rows + 1:
            raise _too_many_rows(limits)
        if width > limits.columns:
            raise SpreadsheetError(f"Row {number} has {width} columns; at most {limits.columns} are accepted.")
        yield Row(number, tuple(_check_length(cell, number, at, limits) for at, cell in enumerate(cells[:width])))


def is_blank(cell: object) -> bool:
    """Return whether a cell holds nothing, or only white space."""
    return (
        cell is None or (isinstance(cell, str) and not cell.strip()) or (isinstance(cell, float) and math.isnan(cell))
    )


def place_of(number: int, at: int, header: str = "") -> str:
    """Return how a person finds a cell; ``at`` counts columns from 0."""
    named = f" ({shorten(header)!r})" if header else ""
    return f"Row {number}, column {_letters_of(at)}{named}"


def shorten(text: str) -> str:
    """Return the start of a text, for a message."""
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def _width_of(cells: Sequence[object]) -> int:
    width = len(cells)
    while width and is_blank(cells[width - 1]):
        width -= 1
    return width


def _check_length(cell: object, number: int, at: int, limits: Limits) -> object:
    if isinstance(cell, str) and len(cell) > limits.cell_chars:
        raise SpreadsheetError(
            f"{place_of(number, at)}: the cell has {len(cell)} characters; at most {limits.cell_chars} are accepted."
        )
    return cell


def _too_many_rows(limits: Limits) -> SpreadsheetError:
    return SpreadsheetError(f"The file has more than {limits.rows} rows below the column names; split it.")


def _letters_of(at: int) -> str:
    letters = ""
    at += 1
    while at:
        at, letter = divmod(at - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
