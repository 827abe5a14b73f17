"""Text separated by commas: encodings, delimiters, quotations."""

from __future__ import annotations

import pytest

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.separated import read_separated


def read(data):
    """The rows of a file."""
    return list(read_separated(data))


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_utf_8_is_read_with_and_without_byte_order_mark(start):
    assert read(start + "plän,args\r\ncount,1\r\n".encode()) == [["plän", "args"], ["count", "1"]]


@pytest.mark.parametrize("data", ["plän,args".encode("latin-1"), "plan,args".encode("utf-16")])
def test_other_encodings_are_refused_with_the_remedy(data):
    with pytest.raises(SpreadsheetError, match="save it as CSV in UTF-8"):
        read(data)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_names_of_the_columns_tell_the_delimiter(delimiter, line_end):
    rows = [["plan", "a,b", "c;d"], ["count", "'det1', 'det2';", "x\ny"]]
    text = line_end.join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    assert read(text.encode()) == rows


def test_a_single_column_has_no_delimiter():
    assert read(b"plan\ncount\n") == [["plan"], ["count"]]


@pytest.mark.parametrize(("data", "row"), [(b'plan\n"count', 2), (b'plan\ncount\n"a"b', 3)])
def test_a_wrong_quotation_is_refused_with_its_row(data, row):
    with pytest.raises(SpreadsheetError, match=f"Row {row} is no text"):
        read(data)


def test_a_cell_that_is_too_long_for_the_reader_is_refused():
    with pytest.raises(SpreadsheetError, match="Row 1"):
        read(b"x" * 200_000)
