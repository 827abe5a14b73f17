"""From the bytes of a file to the items in it: the format by the ending of the name, then rows, then items."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

from http_gateway.spreadsheets.conversion import convert_rows
from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import LIMITS, Limits
from http_gateway.spreadsheets.opendocument import read_opendocument
from http_gateway.spreadsheets.rows import Row, bound_rows, shorten
from http_gateway.spreadsheets.separated import read_separated
from http_gateway.spreadsheets.workbook import read_workbook

FORMATS = (".csv", ".xlsx", ".ods")


def read_items(data: bytes, file_name: str, limits: Limits = LIMITS) -> list[dict[str, Any]]:
    """Return the plans in a spreadsheet. Blocks: belongs in a thread.

    Raises:
        TooLargeError: the file, packed or unpacked, is over a limit; nothing was parsed.
        SpreadsheetError: it cannot be converted; the message says where and why.
    """
    return convert_rows(read_rows(data, file_name, limits), limits)


def read_rows(data: bytes, file_name: str, limits: Limits = LIMITS) -> list[Row]:
    """Return the rows in a spreadsheet that are not blank. Blocks: belongs in a thread.

    Raises:
        TooLargeError, SpreadsheetError: as ``read_items``.
    """
    with closing(_open(data, file_name, limits)) as rows:
        # All rows first: a file that is too long is refused before its cells are looked at.
        return list(bound_rows(rows, limits))


def _open(data: bytes, file_name: str, limits: Limits) -> Generator[Sequence[object]]:
    ending = file_name[file_name.rfind(".") :].lower() if "." in file_name else ""
    if ending == ".csv":
        return read_separated(data)
    if ending == ".xlsx":
        return read_workbook(data, limits)
    if ending == ".ods":
        return read_opendocument(data, limits)
    if ending == ".xls":
        raise SpreadsheetError(f"The old format of {shorten(file_name)!r} is not supported; save the file as .xlsx.")
    known = ", ".join(FORMATS)
    raise SpreadsheetError(f"The file {shorten(file_name)!r} is not supported; its name must end in one of {known}.")
