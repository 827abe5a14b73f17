"""Files of all three formats: the same rows give the same items, and no file gives more than an error."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from http_gateway.errors import TooLargeError
from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import Limits
from http_gateway.spreadsheets.reading import read_items
from tests.doubles.spreadsheets import FORMATS, make_csv, make_ods, make_xlsx
from tests.faults.tiers import rounds

SAMPLE = [
    ["plan_name", "args", "num", "delay", "detectors"],
    ["'count'", "['det1', 'det2']", 10, None, None],
    ["'count'", None, None, 0.5, "['det1']"],
    [None, None, None, None, None],
    ["scan", "['det1', 'det2'], 'motor', -1, 1", 10.0, None, None],
]
ITEMS = [
    {"name": "count", "item_type": "plan", "args": [["det1", "det2"]], "kwargs": {"num": 10}},
    {"name": "count", "item_type": "plan", "kwargs": {"delay": 0.5, "detectors": ["det1"]}},
    {"name": "scan", "item_type": "plan", "args": [["det1", "det2"], "motor", -1, 1], "kwargs": {"num": 10}},
]
# Neither XML nor csv can hold the others in a cell and give them back unchanged.
words = st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF, exclude_categories=["Cc", "Cs"]), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
quick = settings(
    max_examples=rounds(12, 25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def test_the_same_rows_give_the_same_items_in_every_format(ending):
    assert read_items(FORMATS[ending](SAMPLE), f"Plans{ending.upper()}") == ITEMS


def test_an_error_names_row_and_column_in_every_format(ending):
    rows = [["plan", "args"], [None], ["count", "det1"]]
    with pytest.raises(SpreadsheetError, match=r"Row 3, column B \('args'\): det1 is not quoted"):
        read_items(FORMATS[ending](rows), f"x{ending}")


def test_a_file_without_rows_is_refused_in_every_format(ending):
    with pytest.raises(SpreadsheetError, match="first row is empty"):
        read_items(FORMATS[ending]([]), f"x{ending}")


def test_a_file_with_names_alone_has_no_items(ending):
    assert read_items(FORMATS[ending]([["plan", "args"]]), f"x{ending}") == []


def test_too_many_rows_are_refused_in_every_format(ending):
    data = FORMATS[ending]([["plan"], *[["count"]] * 6])
    with pytest.raises(SpreadsheetError, match="more than 5 rows"):
        read_items(data, f"x{ending}", Limits(rows=5))
    assert len(read_items(data, f"x{ending}", Limits(rows=6))) == 6


def test_too_many_columns_are_refused_in_every_format(ending):
    data = FORMATS[ending]([["plan", "args", "a", "b"], ["count", 1, 2, 3]])
    with pytest.raises(SpreadsheetError, match="columns"):
        read_items(data, f"x{ending}", Limits(columns=3))


@quick
@given(value=values)
def test_literals_survive_every_format(ending, value):
    [item] = read_items(FORMATS[ending]([["plan", "args", "k"], ["count", repr([value]), repr([value])]]), f"x{ending}")
    assert item["args"] == [[value]]
    assert item["kwargs"] == {"k": [value]}


@quick
@given(cells=st.lists(words | st.text(st.sampled_from("'\"[](){},:-\\\n ;\t_a1"), max_size=8), min_size=3, max_size=3))
def test_any_text_in_cells_gives_items_or_the_conversion_error(ending, cells):
    data = FORMATS[ending]([["plan", "args", "k"], cells, ["count", *cells[1:]]])
    try:
        items = read_items(data, f"x{ending}")
    except SpreadsheetError:
        items = []
    assert all(item["name"].isidentifier() for item in items)


@given(start=st.sampled_from([b"", b"PK\x03\x04", b"\xef\xbb\xbf", b"PK\x05\x06"]), data=st.binary(max_size=200))
def test_any_bytes_give_items_or_the_conversion_error(start, data):
    for ending in FORMATS:
        try:
            read_items(start + data, f"x{ending}")
        except (SpreadsheetError, TooLargeError):
            continue


@settings(quick, max_examples=rounds(25, 60))
@given(at=st.floats(0, 1), byte=st.integers(0, 255), make=st.sampled_from([make_xlsx, make_ods]), cut=st.booleans())
def test_a_damaged_file_gives_items_or_the_conversion_error(at, byte, make, cut):
    data = bytearray(make([["plan", "args"], ["count", "'det1'"]]))
    data[int(at * (len(data) - 1))] = byte
    ending = ".xlsx" if make is make_xlsx else ".ods"
    with contextlib.suppress(SpreadsheetError, TooLargeError):
        read_items(bytes(data[: int(at * len(data))] if cut else data), f"x{ending}")


@pytest.mark.parametrize("name", ["", "plans", "plans.txt", "csv", "a.csv.exe", ".xlsx/../x"])
def test_other_endings_are_refused_with_the_known_ones(name):
    with pytest.raises(SpreadsheetError, match=r"end in one of \.csv, \.xlsx, \.ods"):
        read_items(b"plan\ncount", name)


def test_the_old_format_of_excel_is_refused_with_the_remedy():
    with pytest.raises(SpreadsheetError, match=r"save the file as \.xlsx"):
        read_items(b"\xd0\xcf\x11\xe0", "plans.XLS")


@pytest.mark.parametrize("ending", [".xlsx", ".ods"])
@pytest.mark.parametrize("data", [b"", b"plan,args\n", b"\xd0\xcf\x11\xe0" * 200, b"PK\x05\x06" + b"\0" * 18])
def test_a_file_that_is_not_what_its_name_says_is_refused(data, ending):
    with pytest.raises(SpreadsheetError):
        read_items(data, f"x{ending}")


def test_a_workbook_under_the_name_of_text_is_refused():
    with pytest.raises(SpreadsheetError):
        read_items(make_xlsx(SAMPLE), "x.csv")


def test_semicolons_and_tabs_separate_as_commas_do():
    for delimiter in ";\t":
        assert read_items(make_csv(SAMPLE, delimiter), "x.csv") == ITEMS
