"""From rows to items: names, arguments, keyword arguments, and errors that say where they are."""

from __future__ import annotations

import datetime

import pytest

from http_gateway.spreadsheets.conversion import convert_rows
from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import Limits
from http_gateway.spreadsheets.rows import bound_rows

HEADER = ["plan_name", "args", "num", "delay"]


def convert(*rows, limits=None):
    """The items in these rows below the names of the columns."""
    limits = limits or Limits()
    return convert_rows(bound_rows([HEADER, *rows], limits), limits)


def refusal(*rows, limits=None):
    """Why these rows are refused."""
    with pytest.raises(SpreadsheetError) as caught:
        convert(*rows, limits=limits)
    return caught.value.message


def test_a_row_is_a_plan_with_arguments_and_keyword_arguments():
    [item] = convert(["'scan'", "['det1', 'det2'], 'motor', -1, 1", 10.0, "0.5"])
    assert item == {
        "name": "scan",
        "item_type": "plan",
        "args": [["det1", "det2"], "motor", -1, 1],
        "kwargs": {"num": 10, "delay": 0.5},
    }
    assert type(item["kwargs"]["num"]) is int


def test_empty_cells_are_not_given():
    assert convert(["count"]) == [{"name": "count", "item_type": "plan"}]
    assert convert(["count", None, "", "  "]) == [{"name": "count", "item_type": "plan"}]
    assert convert(["count", "", None, 1]) == [{"name": "count", "item_type": "plan", "kwargs": {"delay": 1}}]


def test_a_row_without_a_name_is_skipped_whatever_else_it_holds():
    assert [item["name"] for item in convert(["count"], [None, "det1", "(("], [], ["scan"])] == ["count", "scan"]


@pytest.mark.parametrize("cell", [5, 5.0, "5", "5.0"])
def test_a_single_number_as_argument_is_one_argument(cell):
    [item] = convert(["count", cell])
    assert item["args"] == [5]
    assert type(item["args"][0]) is int


@pytest.mark.parametrize("name", ["two words", "1", 1, 2.5, True, "'", "['count']", "'a b'", "''", "lambda", "a.b"])
def test_what_is_no_name_of_a_plan_is_refused_with_its_cell(name):
    assert "Row 3, column A ('plan_name')" in refusal(["count"], [name])


def test_an_unquoted_device_is_refused_with_row_column_and_remedy():
    text = refusal(["count"], ["count", "['det1', det2]"])
    assert text.startswith("Row 3, column B ('args'): det2 is not quoted; write 'det2' in quotes")
    assert refusal(["count", None, "motor"]).startswith("Row 2, column C ('num'): motor is not quoted")


@pytest.mark.parametrize("cell", [datetime.datetime(2026, 1, 2), datetime.time(1), datetime.timedelta(1)])  # noqa: DTZ001
def test_dates_are_refused(cell):
    assert "write the cell as a quoted string" in refusal(["count", None, cell])


def test_other_things_in_a_cell_are_refused():
    assert "type object" in refusal(["count", object()])
    assert "not finite" in refusal(["count", float("inf")])


@pytest.mark.parametrize("names", [["num", "num"], ["num", "NUM"], ["Straße", "x", "STRASSE"]])
def test_two_columns_of_one_name_are_refused(names):
    with pytest.raises(SpreadsheetError, match="same name as Row 1, column C"):
        convert_rows(bound_rows([["plan", "args", *names]], Limits()))


def test_the_first_two_columns_may_have_any_names_and_none():
    rows = bound_rows([["", "num", "num", 5], ["count", 1, 2]], Limits())
    assert convert_rows(rows) == [{"name": "count", "item_type": "plan", "args": [1], "kwargs": {"num": 2}}]


def test_a_value_in_a_column_without_a_usable_name_is_refused():
    assert "the column has no name in row 1" in refusal(["count", 1, 2, 3, 4])
    with pytest.raises(SpreadsheetError, match=r"column C \('delay \(s\)'\): .* no name of a parameter"):
        convert_rows(bound_rows([["plan", "args", "delay (s)"], ["count", 1, 2]], Limits()))


@pytest.mark.parametrize("rows", [[], [[]], [[None, ""], ["count"]]])
def test_names_of_columns_must_be_there(rows):
    with pytest.raises(SpreadsheetError, match="first row is empty"):
        convert_rows(bound_rows(rows, Limits()))


def test_limits_hold_for_rows_columns_cells_names_and_the_batch():
    assert "more than 2 rows" in refusal(["a"], ["b"], ["c"], limits=Limits(rows=2))
    assert len(convert(["a"], ["b"], [], [""], limits=Limits(rows=2))) == 2
    assert "has 5 columns; at most 4" in refusal(["a", 1, 2, 3, 4], limits=Limits(columns=4))
    assert "Row 2, column B: the cell has 20 characters" in refusal(["a", "'" * 20], limits=Limits(cell_chars=19))
    assert "up to row 3 are too many" in refusal(["a", 1], ["a", 1], ["a", 1], limits=Limits(batch_bytes=150))
    with pytest.raises(SpreadsheetError, match="longer than 255"):
        convert_rows(bound_rows([["plan", "args", "n" * 256]], Limits()))
