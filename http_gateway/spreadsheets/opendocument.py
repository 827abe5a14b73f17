"""Reads the first sheet of an OpenDocument spreadsheet (ods).

Own code, because the libraries for it build whole documents in memory, repeat rows without bound, or are not kept.
A formula counts as the value stored with it; one without a stored value is refused.
"""

from __future__ import annotations

import datetime
import io
from collections.abc import Generator, Iterator, Sequence
from typing import Final
from xml.etree.ElementTree import Element, iterparse

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import Limits
from http_gateway.spreadsheets.package import BROKEN, Inspection, open_package, read_part
from http_gateway.spreadsheets.rows import LAST_ROW, place_of

_OASIS: Final = "urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, _OFFICE, _TEXT = f"{{{_OASIS}table:1.0}}", f"{{{_OASIS}office:1.0}}", f"{{{_OASIS}text:1.0}}"
_SHEET, _ROW = f"{_TABLE}table", f"{_TABLE}table-row"
_CELLS: Final = frozenset({f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"})
_SPACES, _TAB, _BREAK = f"{_TEXT}s", f"{_TEXT}tab", f"{_TEXT}line-break"
_NUMBERS: Final = frozenset({"float", "percentage", "currency"})
_TIMES: Final = frozenset({"date", "time"})
_SOME_DATE: Final = datetime.date.min
"""Stands for any date or time, since neither can be used."""


def read_opendocument(data: bytes, limits: Limits) -> Generator[Sequence[object]]:
    """Yield the rows of the first sheet; a repeated row comes as often as it counts.

    Raises:
        TooLargeError: the file, unpacked, is over a limit.
        SpreadsheetError: it is no such file, or a formula has no stored value.
    """
    with open_package(data, limits) as archive:
        content = read_part(archive, "content.xml")
    Inspection(limits).parse(content, "content.xml")
    number = 1
    try:
        for row in _find_rows(content):
            cells = _read_cells(row, number, limits)
            repeated = min(_read_count(row, "number-rows-repeated"), LAST_ROW)
            number += repeated
            for _ in range(repeated):
                yield cells
    except BROKEN as error:
        raise SpreadsheetError("The file is no OpenDocument spreadsheet, or it is damaged; save it again.") from error


def _find_rows(content: bytes) -> Iterator[Element]:
    """Yield the rows of the first sheet; a table inside of a cell is none."""
    depth = 0
    for event, element in iterparse(io.BytesIO(content), events=("start", "end")):
        if element.tag == _SHEET:
            depth += 1 if event == "start" else -1
            if not depth:
                return
        elif event == "end" and element.tag == _ROW and depth == 1:
            yield element
            element.clear()
    raise SpreadsheetError("The file has no sheet; is it an OpenDocument spreadsheet?")


def _read_cells(row: Element, number: int, limits: Limits) -> list[object]:
    cells: list[object] = []
    gap = 0
    for element in row:
        if element.tag not in _CELLS:
            continue
        # One more than allowed is enough to be refused.
        repeated = min(_read_count(element, "number-columns-repeated"), limits.columns + 1)
        cell = _read_cell(element, number, len(cells) + gap, limits)
        if cell is None:
            gap = min(gap + repeated, limits.columns + 1)
            continue
        cells += [None] * gap + [cell] * repeated
        gap = 0
        if len(cells) > limits.columns:
            raise SpreadsheetError(f"Row {number} has more than {limits.columns} columns.")
    return cells


def _read_cell(element: Element, number: int, at: int, limits: Limits) -> object:
    kind = element.get(f"{_OFFICE}value-type")
    if kind in _NUMBERS:
        return float(element.get(f"{_OFFICE}value", ""))
    if kind == "boolean":
        return element.get(f"{_OFFICE}boolean-value") == "true"
    if kind in _TIMES:
        return _SOME_DATE
    if kind is None and element.get(f"{_TABLE}formula") is not None:
        raise SpreadsheetError(
            f"{place_of(number, at)}: the formula has no stored value; open and save the file in a spreadsheet "
            "program, or write the value itself."
        )
    paragraphs = ["".join(_read_text(child, limits)) for child in element if child.tag == f"{_TEXT}p"]
    return "\n".join(paragraphs) or element.get(f"{_OFFICE}string-value") or None


def _read_text(element: Element, limits: Limits) -> Iterator[str]:
    """Yield the text of a paragraph; its depth is bounded by the inspection."""
    if element.tag == _SPACES:
        yield " " * min(int(element.get(f"{_TEXT}c", "1")), limits.cell_chars + 1)
    elif element.tag == _TAB:
        yield "\t"
    elif element.tag == _BREAK:
        yield "\n"
    elif element.tag != f"{{{_OASIS}office:1.0}}annotation":
        yield element.text or ""
        for child in element:
            yield from _read_text(child, limits)
            yield child.tail or ""


def _read_count(element: Element, name: str) -> int:
    return max(0, int(element.get(f"{_TABLE}{name}", "1")))
