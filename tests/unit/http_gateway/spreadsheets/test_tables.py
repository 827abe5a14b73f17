"""Tables of parameters: a set of values for each row, and errors that name the cell."""

from __future__ import annotations

import pytest

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import LIMITS, Limits
from http_gateway.spreadsheets.reading import read_rows
from http_gateway.spreadsheets.tables import read_table
from tests.doubles.spreadsheets import FORMATS, make_csv


def read(*rows, limits=LIMITS):
    """Return the table in a csv file."""
    return read_table(read_rows(make_csv(rows), "x.csv"), limits)


def test_the_same_rows_give_the_same_sets_in_every_format(ending):
    rows = [
        ["sample", "num", "delay", "reference"],
        ["Si", 3, 0.5, "first"],
        [None, None, None, None],
        ["Ge", 4, None, None],
    ]
    table = read_table(read_rows(FORMATS[ending](rows), f"x{ending}"))
    assert table.points == (
        {"sample": "Si", "num": 3, "delay": 0.5, "reference": "first"},
        {"sample": "Ge", "num": 4},
    )
    assert (table.numbers, table.place_of(1), table.place_of(1, "num")) == ((2, 4), "Row 4", "Row 4, column B ('num')")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("5", 5),
        ("5.0", 5),
        ("-1.5e3", -1500),
        ("true", True),
        ("False", False),
        ("null", None),
        ("'5'", "5"),
        ('["a", 1]', ["a", 1]),
        ("{'a': (1, 2)}", {"a": [1, 2]}),
        ("Si 111", "Si 111"),
        ("=SUM(A1)", "=SUM(A1)"),
        ("__import__('os')", "__import__('os')"),
        ("12:30", "12:30"),
    ],
)
def test_a_cell_is_a_value_where_it_is_written_like_one_and_else_a_text(cell, value):
    assert read(["a"], [cell]).points == ({"a": value},)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([["a", "b"], [1, "[1, x]"]], r"Row 2, column B \('b'\): "),
        ([["a", "b"], [1, 2], [1, "'open"]], r"Row 3, column B \('b'\): the quotation"),
        ([["a"], [1, 2]], "Row 2, column B: the column has no name in row 1"),
        ([["a", "b", "a"], [1]], r"Row 1, column C \('a'\): the column has the same name as Row 1, column A"),
        ([["x" * 256], [1]], "Row 1, column A: the name of the column is longer"),
        ([["a"]], "no row below"),
        ([[None], [1]], "The first row is empty"),
        ([], "The first row is empty"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(rows, text):
    with pytest.raises(SpreadsheetError, match=text):
        read(*rows)


def test_more_than_a_batch_is_refused_with_the_row():
    with pytest.raises(SpreadsheetError, match="up to row 3 are too many"):
        read(["a"], ["x" * 200], ["y" * 200], limits=Limits(batch_bytes=500))
