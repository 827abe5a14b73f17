"""Tables of parameters from CSV and XLSX files: the names in the first row, then a set of values in each row.

Cells are data: formulas count as the values that were stored with them, and nothing is evaluated.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, Final

from queue_server.cli.values import read_value
from queue_server.protocol.errors import ParameterError

ENDINGS: Final = (".csv", ".xlsx")
MOST_ROWS: Final = 100_000

_DELIMITERS: Final = ",;\t"
_QUOTED: Final = re.compile(r'"[^"]*"')

# What readers of zip and XML raise for a file that is not what its name says.
_BROKEN: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)

Row = dict[str, Any]


def is_table(source: str) -> bool:
    """Whether the name of a file ends like that of a table."""
    return source.lower().endswith(ENDINGS)


def read_table(source: str) -> list[Row]:
    """Return a map for each row of a table: the values by the names in the first row, without those of empty cells.

    The text of a cell is read like a word of the command line: JSON, else a Python literal, else the text.

    Raises:
        ParameterError: the file cannot be read, or a row has a cell where the first row has no name.
    """
    try:
        data = Path(source).expanduser().read_bytes()
    except OSError as error:
        raise ParameterError(f"{source} cannot be read: {error}", field=source) from error
    rows = _read_workbook(data, source) if source.lower().endswith(".xlsx") else _read_text(data, source)
    rows = iter(rows)
    names = _read_names(next(rows, ()), source)
    found = [_read_row(names, cells, f"{source}, row {number}") for number, cells in enumerate(rows, start=2)]
    found = [row for row in found if row]
    if not found:
        raise ParameterError(f"{source} has no row below the names of its columns.", field=source)
    return found


def _read_names(cells: Sequence[object], source: str) -> list[str]:
    names = ["" if cell is None else str(cell).strip() for cell in cells]
    twice = {name for name in names if name and names.count(name) > 1}
    if twice:
        raise ParameterError(f"{source} has two columns {sorted(twice)[0]!r}.", field=source)
    if not any(names):
        raise ParameterError(f"The first row of {source} must have the names of the columns.", field=source)
    return names


def _read_row(names: Sequence[str], cells: Sequence[object], place: str) -> Row:
    row: Row = {}
    for index, cell in enumerate(cells):
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        if index >= len(names) or not names[index]:
            raise ParameterError(f"{place}: the value {cell!r} stands in a column without a name.", field=place)
        row[names[index]] = _read_cell(cell)
    return row


def _read_cell(cell: object) -> Any:
    if isinstance(cell, str):
        return read_value(cell.strip())
    if isinstance(cell, (datetime, date, time)):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        # A spreadsheet has no whole numbers.
        return int(cell)
    return cell


def _read_text(data: bytes, source: str) -> Iterator[Sequence[object]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParameterError(f"{source} is not in UTF-8; save it as CSV in UTF-8.", field=source) from error
    first = _QUOTED.sub("", text.partition("\n")[0])
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        yield from _bound(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), source)
    except csv.Error as error:
        raise ParameterError(f"{source} is no text separated by commas: {error}.", field=source) from error


def _read_workbook(data: bytes, source: str) -> Iterator[Sequence[object]]:
    import openpyxl

    # openpyxl ships no types.
    load: Any = openpyxl.load_workbook
    try:
        workbook = load(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()
        rows: list[Sequence[object]] = list(_bound(sheet.iter_rows(values_only=True), source))
        workbook.close()
    except _BROKEN as error:
        raise ParameterError(f"{source} is no xlsx workbook, or it is damaged: {error}", field=source) from error
    yield from rows


def _bound(rows: Iterator[Sequence[object]], source: str) -> Iterator[Sequence[object]]:
    yield from islice(rows, MOST_ROWS)
    if next(rows, None) is not None:
        raise ParameterError(f"{source} has more than {MOST_ROWS:,} rows; split it.", field=source)
