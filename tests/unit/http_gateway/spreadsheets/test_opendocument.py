"""OpenDocument spreadsheets: repeated cells and rows, text in pieces, stored values of formulas."""

from __future__ import annotations

import pytest

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import Limits
from http_gateway.spreadsheets.opendocument import read_opendocument
from http_gateway.spreadsheets.reading import read_items
from tests.doubles.spreadsheets import ODS_END, ODS_START, make_ods_table, make_zip, ods_cell

NAMES = f"<table:table-row>{ods_cell('plan')}{ods_cell('args')}{ods_cell('num')}</table:table-row>"


def cells_of(xml):
    """The cells of a sheet with one row."""
    [cells] = read_opendocument(make_ods_table(f"<table:table-row>{xml}</table:table-row>"), Limits())
    return list(cells)


def typed(kind, value="", inner="", more=""):
    """The XML of one cell with a type."""
    return f'<table:table-cell office:value-type="{kind}" {value} {more}>{inner}</table:table-cell>'


def test_empty_cells_and_rows_that_are_repeated_to_the_end_of_the_sheet_are_nothing():
    rest = '<table:table-cell table:number-columns-repeated="16384"/>'
    lines = f"<table:table-row>{ods_cell('count')}{rest}</table:table-row>"
    end = f'<table:table-row table:number-rows-repeated="1048574">{rest}</table:table-row>'
    assert read_items(make_ods_table(NAMES + lines + end), "x.ods") == [{"name": "count", "item_type": "plan"}]


def test_gaps_and_repeated_cells_keep_their_columns():
    gap = '<table:table-cell table:number-columns-repeated="2"/>'
    twice = typed("float", 'office:value="2"', more='table:number-columns-repeated="2"')
    assert cells_of(gap + twice + "<table:covered-table-cell/>" + ods_cell("x")) == [None, None, 2.0, 2.0, None, "x"]


@pytest.mark.parametrize("count", [300, 10**12])
def test_cells_that_are_repeated_too_often_are_refused(count):
    cell = typed("float", 'office:value="2"', more=f'table:number-columns-repeated="{count}"')
    with pytest.raises(SpreadsheetError, match="more than 256 columns"):
        cells_of(cell)


@pytest.mark.parametrize("count", [10_001, 10**12])
def test_rows_that_are_repeated_too_often_are_refused(count):
    line = f'<table:table-row table:number-rows-repeated="{count}">{ods_cell("count")}</table:table-row>'
    with pytest.raises(SpreadsheetError, match="more than 10000 rows"):
        read_items(make_ods_table(NAMES + line), "x.ods")


def test_text_comes_in_pieces():
    spaces = "<text:span>'a<text:s text:c='3'/>b</text:span><text:tab/>c<text:line-break/>d'"
    note = "<office:annotation><text:p>a note</text:p></office:annotation>"
    cell = typed("string", inner=f"{note}<text:p>{spaces}{note}</text:p><text:p>e</text:p>")
    assert cells_of(cell) == ["'a   b\tc\nd'\ne"]


def test_a_run_of_spaces_is_bounded():
    cell = typed("string", inner='<text:p><text:s text:c="99999999999"/>x</text:p>')
    assert len(str(cells_of(cell)[0])) <= Limits().cell_chars + 2


def test_types_are_kept():
    cells = [typed("percentage", 'office:value="0.5"'), typed("currency", 'office:value="3"'), ods_cell(True)]
    assert cells_of("".join(cells)) == [0.5, 3.0, True]


def test_a_formula_counts_as_its_stored_value():
    assert cells_of(typed("float", 'office:value="7"', more='table:formula="of:=2+5"')) == [7.0]
    assert cells_of(typed("string", 'office:string-value="x"', more='table:formula="of:=T"')) == ["x"]


def test_a_formula_without_a_stored_value_is_refused_with_its_cell():
    cell = '<table:table-cell/><table:table-cell table:formula="of:=2+5"/>'
    with pytest.raises(SpreadsheetError, match="Row 1, column B: the formula has no stored value"):
        cells_of(cell)


@pytest.mark.parametrize("kind", ["date", "time"])
def test_a_date_is_refused(kind):
    line = f"<table:table-row>{ods_cell('count')}<table:table-cell/>{typed(kind)}</table:table-row>"
    with pytest.raises(SpreadsheetError, match="dates and times cannot be used"):
        read_items(make_ods_table(NAMES + line), "x.ods")


def test_a_table_inside_of_a_cell_and_the_second_sheet_are_not_read():
    inner = f"<table:table><table:table-row>{ods_cell('inner')}</table:table-row></table:table>"
    assert cells_of(f"<table:table-cell>{inner}</table:table-cell>{ods_cell('outer')}") == [None, "outer"]


def test_rows_in_groups_are_read():
    line = f"<table:table-row>{ods_cell('count')}</table:table-row>"
    head = f"<table:table-header-rows>{NAMES}</table:table-header-rows>"
    group = f"<table:table-row-group>{line}</table:table-row-group>"
    assert len(read_items(make_ods_table(head + group), "x.ods")) == 1


@pytest.mark.parametrize(
    "cell",
    [
        typed("float"),
        typed("float", 'office:value="x"'),
        typed("float", 'office:value="1"', more='table:number-columns-repeated="x"'),
        typed("string", inner='<text:p><text:s text:c="x"/></text:p>'),
    ],
)
def test_wrong_values_are_refused(cell):
    with pytest.raises(SpreadsheetError, match="damaged"):
        cells_of(cell)


@pytest.mark.parametrize("parts", [{"x.xml": "<a/>"}, {"content.xml": "<a/>"}, {"content.xml": ODS_START + ODS_END}])
def test_a_file_without_a_sheet_is_refused(parts):
    with pytest.raises(SpreadsheetError):
        read_items(make_zip(parts), "x.ods")
