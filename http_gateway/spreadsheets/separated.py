"""Reads text separated by commas, semicolons or tabs (csv). Every cell is text; what it means is decided elsewhere."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator, Sequence
from typing import Final

from http_gateway.spreadsheets.errors import SpreadsheetError

_DELIMITERS: Final = ",;\t"
_QUOTED: Final = re.compile(r'"[^"]*"')


def read_separated(data: bytes) -> Generator[Sequence[object]]:
    """Yield the rows of a file in UTF-8, with or without byte order mark.

    Raises:
        SpreadsheetError: it is not UTF-8, or a quotation is wrong; the message names the row.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpreadsheetError(f"The file is not in UTF-8 (byte {error.start}); save it as CSV in UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text), strict=True)
    number = 0
    try:
        for cells in reader:
            number += 1
            yield cells
    except csv.Error as error:
        raise SpreadsheetError(f"Row {number + 1} is no text separated by commas: {error}.") from error


def _find_delimiter(text: str) -> str:
    """Return what separates the names of the columns: the most frequent candidate outside quotation marks."""
    end = re.search(r"[\r\n]", text)
    names = _QUOTED.sub("", text[: end.start()] if end else text)
    return max(_DELIMITERS, key=names.count)
