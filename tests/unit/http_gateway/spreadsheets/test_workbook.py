"""Workbooks of xlsx: the first sheet, stored values of formulas, and what openpyxl alone would let pass."""

from __future__ import annotations

import datetime

import pytest

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.reading import read_items
from tests.doubles.spreadsheets import make_xlsx, replace_part

SHEET = "xl/worksheets/sheet1.xml"
SAMPLE = [["plan", "args", "num"], ["count", "'det1'", 5]]


def with_rows(xml):
    """A workbook whose first sheet has these rows."""
    start = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    names = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in SAMPLE[0])
    content = f'{start}<dimension ref="A1"/><sheetData><row r="1">{names}</row>{xml}</sheetData></worksheet>'
    return replace_part(make_xlsx(SAMPLE, change=lambda _: None), SHEET, content)


def cell(name, inner, kind="n"):
    """The XML of one cell."""
    return f'<c r="{name}" t="{kind}">{inner}</c>'


COUNT = cell("A2", "<is><t>count</t></is>", "inlineStr")


def test_only_the_first_sheet_counts():
    data = make_xlsx(SAMPLE, change=lambda book: book.create_sheet("second").append(["x", "y"]))
    assert read_items(data, "x.xlsx") == [
        {"name": "count", "item_type": "plan", "args": ["det1"], "kwargs": {"num": 5}}
    ]


def test_a_formula_counts_as_its_stored_value():
    [item] = read_items(with_rows(f'<row r="2">{COUNT}{cell("C2", "<f>2+5</f><v>7</v>")}</row>'), "x.xlsx")
    assert item["kwargs"] == {"num": 7}


def test_a_formula_with_an_empty_result_is_an_empty_cell():
    [item] = read_items(with_rows(f'<row r="2">{COUNT}{cell("C2", "<f>x</f><v></v>", "str")}</row>'), "x.xlsx")
    assert "kwargs" not in item


def test_a_formula_without_a_stored_value_is_refused_with_its_cell():
    data = make_xlsx([*SAMPLE, ["count", None, "=2+5"]])
    with pytest.raises(SpreadsheetError, match="Row 3, column C: the formula has no stored value"):
        read_items(data, "x.xlsx")


def test_a_formula_without_a_stored_value_on_another_sheet_does_not_matter():
    data = make_xlsx(SAMPLE, change=lambda book: book.create_sheet("second").append(["=1+1"]))
    assert len(read_items(data, "x.xlsx")) == 1


def test_a_formula_that_failed_is_refused():
    data = with_rows(f'<row r="2">{COUNT}{cell("C2", "<f>1/0</f><v>#DIV/0!</v>", "e")}</row>')
    with pytest.raises(SpreadsheetError, match=r"Row 2, column C \('num'\): '#'"):
        read_items(data, "x.xlsx")


def test_a_date_is_refused():
    with pytest.raises(SpreadsheetError, match="dates and times cannot be used"):
        read_items(make_xlsx([SAMPLE[0], ["count", None, datetime.date(2026, 1, 2)]]), "x.xlsx")


def test_gaps_between_rows_and_cells_are_empty():
    data = with_rows(f'<row r="5">{cell("A5", "<v>1</v>")}</row>')
    with pytest.raises(SpreadsheetError, match="Row 5, column A"):
        read_items(data, "x.xlsx")


@pytest.mark.parametrize("number", [1_048_577, 10**15, 10**30])
def test_a_row_far_beyond_the_last_is_refused(number):
    with pytest.raises(SpreadsheetError, match=r"more than 10000 rows|damaged"):
        read_items(with_rows(f'<row r="{number}">{cell("", "<v>1</v>")}</row>'), "x.xlsx")


@pytest.mark.parametrize(
    "xml", ['<row r="x"/>', '<row r="2"><c r="ÄÖ"/></row>', '<row r="2"><c t="s"><v>9</v></c></row>']
)
def test_a_sheet_with_wrong_values_is_refused(xml):
    with pytest.raises(SpreadsheetError, match="damaged"):
        read_items(with_rows(xml), "x.xlsx")
