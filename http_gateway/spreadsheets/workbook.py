"""Reads the first sheet of an xlsx workbook with openpyxl, after every part of it was inspected.

A formula counts as the value that the spreadsheet program stored with it; one without a stored value is refused.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import Limits
from http_gateway.spreadsheets.package import BROKEN, Inspection, copy_inspected, open_package
from http_gateway.spreadsheets.rows import LAST_ROW, place_of

_CELL, _FORMULA, _VALUE = "c", "f", "v"


def read_workbook(data: bytes, limits: Limits) -> Generator[Sequence[object]]:
    """Yield the rows of the first sheet.

    Raises:
        TooLargeError: the workbook, unpacked, is over a limit.
        SpreadsheetError: it is no workbook, or a formula has no stored value.
    """
    with open_package(data, limits) as archive:
        inspection = _FormulaInspection(limits)
        copy = copy_inspected(archive, inspection)
    if inspection.is_calculated:
        yield from _read_sheet(copy, as_formulas=False)
        return
    rows = zip(_read_sheet(copy, as_formulas=False), _read_sheet(copy, as_formulas=True), strict=False)
    for number, (values, formulas) in enumerate(rows, 1):
        for at, formula in enumerate(formulas):
            if formula is not None and (at >= len(values) or values[at] is None):
                raise SpreadsheetError(
                    f"{place_of(number, at)}: the formula has no stored value; open and save the file in a spreadsheet "
                    "program, or write the value itself."
                )
        yield values


class _FormulaInspection(Inspection):
    """Finds out whether all formulas have a stored value."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.is_calculated = True
        self._has_formula = False
        self._has_value = False
        self._awaits_text = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        super().start(name, attributes)
        local = name.rpartition(" ")[2]
        if local == _CELL:
            # The empty text is a value of formulas; an empty number is none.
            self._has_formula, self._has_value = False, attributes.get("t") == "str"
        elif local == _FORMULA:
            self._has_formula = True
        self._awaits_text = local == _VALUE

    def text(self, text: str) -> None:
        if self._awaits_text:
            self._has_value = True

    def end(self, name: str) -> None:
        super().end(name)
        if name.rpartition(" ")[2] == _CELL and self._has_formula and not self._has_value:
            self.is_calculated = False


def _read_sheet(copy: io.BytesIO, *, as_formulas: bool) -> Iterator[tuple[object, ...]]:
    """Yield values, or with ``as_formulas`` what of each cell is a formula."""
    # Loaded for the first workbook that is good so far: it would make every start half a second longer.
    import openpyxl

    # openpyxl ships no types.
    load: Any = openpyxl.load_workbook
    try:
        with closing(
            load(io.BytesIO(copy.getvalue()), read_only=True, data_only=not as_formulas, keep_links=False)
        ) as workbook:
            if not workbook.worksheets:
                raise SpreadsheetError("The workbook has no sheet.")
            sheet = workbook.worksheets[0]
            # What the file says of its own size is not to be trusted; a chart has no cells at all.
            sheet.reset_dimensions()
            rows = sheet.iter_rows(values_only=not as_formulas)
            for _, row in zip(range(LAST_ROW + 1), rows, strict=False):
                yield tuple(cell.value if cell.data_type == "f" else None for cell in row) if as_formulas else row
    except BROKEN as error:
        raise SpreadsheetError("The file is no xlsx workbook, or it is damaged; save it again as xlsx.") from error
