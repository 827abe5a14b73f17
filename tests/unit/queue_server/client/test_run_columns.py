"""Columns of recorded runs: the types that were declared, as far as all recorded values have them."""

from __future__ import annotations

import pytest

from queue_server.client.run_columns import find_tables, read_events, table_of
from queue_server.protocol.errors import NotFoundError
from tests.doubles.recorded_runs import descriptor, documents, event, start, write_run


@pytest.fixture
def column(tmp_path):
    """Return the column of a data key that has these values; None is an event without it."""

    def find(*values, **key):
        events = [event(number, {} if value is None else {"x": value}) for number, value in enumerate(values, 1)]
        path = write_run(tmp_path / "run.jsonl", [start(), descriptor({"x": key}), *events])
        [table] = find_tables(path).values()
        assert table.rows == len(values)
        return table.columns[-1]

    return find


def test_streams_come_in_the_order_of_their_declaration(tmp_path):
    tables = find_tables(write_run(tmp_path / "run.jsonl", documents(3)))
    assert [(name, table.rows) for name, table in tables.items()] == [("baseline", 1), ("primary", 3)]
    assert [(column.name, column.type_text) for column in tables["primary"].columns] == [
        ("seq_num", "integer"),
        ("time", "number"),
        ("det", "number"),
        ("motor", "number"),
        ("frames", "integer"),
        ("shutter", "text"),
        ("image", "u2[2 x 3]"),
    ]
    assert [column.name for column in tables["primary"].arrays] == ["image"]


KINDS = {
    "whole numbers": ([1, -2], {"dtype": "integer"}, "integer"),
    "whole numbers that are declared as numbers": ([1, 2], {"dtype": "number"}, "number"),
    "numbers that are declared as whole": ([1, 2.5], {"dtype": "integer"}, "number"),
    "not a number": ([1, float("nan")], {"dtype": "integer"}, "number"),
    "nothing declared": ([1, 2], {}, "integer"),
    "too large for a whole number": ([2**63], {"dtype": "integer"}, "number"),
    "the largest whole numbers": ([2**63 - 1, -(2**63) + 1], {"dtype": "integer"}, "integer"),
    "truth values": ([True, False], {"dtype": "boolean"}, "boolean"),
    "truth values and numbers": ([True, 1], {"dtype": "boolean"}, "json"),
    "text": (["a", ""], {"dtype": "string"}, "text"),
    "text that is declared as a number": (["a"], {"dtype": "number"}, "text"),
    "text and numbers": (["a", 1], {"dtype": "string"}, "json"),
    "a map": ([{"a": 1}], {"dtype": "array"}, "json"),
    "nothing but gaps in numbers": ([None], {"dtype": "number"}, "number"),
    "nothing but gaps in arrays": ([None], {"dtype": "array"}, "text"),
    "lists of text": ([["a"]], {"dtype": "array"}, "json"),
    "rows of different lengths": ([[[1], [1, 2]]], {"dtype": "array"}, "json"),
    "arrays and numbers": ([[1], 1], {"dtype": "array"}, "json"),
    "arrays of different depths": ([[1], [[1]]], {"dtype": "array"}, "json"),
    "arrays of different depths, late": ([[1], [1, 2], [1, 2, 3], [[1]]], {"dtype": "array"}, "json"),
    "arrays": ([[1, 2], [3, 4]], {"dtype": "array"}, "i8[2]"),
    "arrays of different lengths": ([[1, 2], [3]], {"dtype": "array"}, "i8[?]"),
    "empty arrays": ([[], []], {"dtype": "array"}, "f8[0]"),
    "arrays of numbers": ([[1, 2.5]], {"dtype": "array"}, "f8[2]"),
    "arrays of large numbers": ([[2**63, 2**64 - 1]], {"dtype": "array"}, "u8[2]"),
    "arrays of truth values": ([[True]], {"dtype": "array"}, "b1[1]"),
    "images as they are declared": ([[[0, 255]]], {"dtype": "array", "dtype_numpy": "|u1"}, "u1[1 x 2]"),
    "images with values that do not fit": ([[[0, 256]]], {"dtype": "array", "dtype_numpy": "|u1"}, "i8[1 x 2]"),
    "images with negative values": ([[-1]], {"dtype": "array", "dtype_numpy": "<u2"}, "i8[1]"),
    "signed images": ([[-32768, 32767]], {"dtype": "array", "dtype_numpy": "<i2"}, "i2[2]"),
    "single precision": ([[1.5]], {"dtype": "array", "dtype_numpy": ">f4"}, "f4[1]"),
    "a declaration that no array has": ([[1.5]], {"dtype": "array", "dtype_numpy": "<U3"}, "f8[1]"),
    "the older name of the declaration": ([[1]], {"dtype": "array", "dtype_str": "<u2"}, "u2[1]"),
}


@pytest.mark.parametrize("what", KINDS)
def test_the_type_of_a_column_is_what_all_its_values_have(what, column):
    values, key, expected = KINDS[what]
    assert column(*values, **key).type_text == expected


def test_gaps_are_noted(column):
    assert column(1.5, None, dtype="number").has_gaps
    assert not column(1.5, dtype="number").has_gaps


def test_a_data_key_with_the_name_of_another_column_has_a_name_of_its_own(tmp_path):
    path = write_run(tmp_path / "run.jsonl", [start(), descriptor({"time": {}}), event(1, {"time": 5.0})])
    table = table_of(path, "primary")
    [found] = read_events(path)
    assert [(column.name, column.value_in(found)) for column in table.columns] == [
        ("seq_num", 1),
        ("time", 101.0),
        ("data_time", 5.0),
    ]


def test_pages_of_events_are_events(tmp_path):
    page = {"descriptor": "d1", "seq_num": [1, 2], "time": [1.0, 2.0], "data": {"x": [5, 6], "y": [7]}}
    path = write_run(tmp_path / "run.jsonl", [start(), descriptor({"x": {}, "y": {}}), ("event_page", page)])
    assert [(found.seq_num, found.time, found.data) for found in read_events(path)] == [
        (1, 1.0, {"x": 5, "y": 7}),
        (2, 2.0, {"x": 6}),
    ]


def test_a_second_descriptor_of_a_stream_goes_on_with_its_table(tmp_path):
    more = [descriptor({"y": {"dtype": "integer"}}, uid="d2"), event(2, {"y": 1}, descriptor="d2")]
    path = write_run(tmp_path / "run.jsonl", [start(), descriptor({"x": {}}), event(1, {"x": 1}), *more])
    table = table_of(path, "primary")
    assert table.rows == 2
    assert [column.name for column in table.columns] == ["seq_num", "time", "x", "y"]


def test_events_that_nothing_has_declared_and_values_that_are_none_are_passed_over(tmp_path):
    odd = [
        ("event", {"descriptor": "nobody", "data": {"x": 1}}),
        ("event", {"descriptor": "d1", "data": None, "seq_num": 2**64, "time": "noon"}),
        ("event_page", {"descriptor": "d1", "seq_num": [5], "time": None, "data": {"x": 3}}),
    ]
    path = write_run(tmp_path / "run.jsonl", [start(), descriptor({"x": None}), *odd])
    assert [(found.seq_num, found.time, found.data) for found in read_events(path)] == [(None, None, {}), (5, None, {})]
    assert table_of(path, "primary").rows == 2


def test_a_stream_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    path = write_run(tmp_path / "run.jsonl", documents(1))
    with pytest.raises(NotFoundError, match="no stream 'secondary'; it has 'baseline', 'primary'"):
        table_of(path, "secondary")
