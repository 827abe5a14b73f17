"""A result schema says of every column where its value comes from, and of every mistake what it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from queue_server.protocol.result_schema import Column, Extraction, Metrics, ResultSchema

GUIDE = Path(__file__).parents[4] / "docs" / "how-to" / "take-results-from-plans.md"
FIELD = {"name": "peak", "dtype": "float", "field": "det", "statistic": "peak", "over": "motor"}
STOP = {"name": "points", "label": "Points", "dtype": "int", "stop": "num_events/primary", "required": False}
WHOLE = {
    "file": "results/fit.json",
    "columns": [FIELD, STOP, {"name": "chi", "dtype": "float", "path": "fit/chi2"}],
    "order_by": [{"name": "chi", "descending": False}, {"name": "peak"}],
}


def read(*columns, **more):
    return ResultSchema.model_validate({"columns": list(columns), **more})


def complain(*columns, **more):
    with pytest.raises(ValidationError) as raised:
        read(*columns, **more)
    (error,) = raised.value.errors()
    return ".".join(map(str, error["loc"])), error["msg"]


def test_a_schema_is_read_from_json_and_written_so_that_it_is_the_same():
    schema = ResultSchema.model_validate(WHOLE)
    assert ResultSchema.model_validate_json(json.dumps(WHOLE)) == schema
    assert ResultSchema.model_validate(schema.plain()) == schema
    assert ResultSchema.model_validate(WHOLE | {"columns": tuple(WHOLE["columns"])}) == schema


def test_what_is_left_out_has_a_value():
    column = read({"name": "x", "dtype": "float", "field": "det"}).columns[0]
    assert (column.label, column.required, column.stream, column.statistic) == ("x", True, "primary", "last")
    assert (column.path, column.over, column.stop) == (None, None, None)


def test_a_column_is_found_in_the_file_under_its_name_unless_it_says_otherwise():
    schema = read({"name": "x", "dtype": "float"}, {"name": "y", "dtype": "int", "path": "a/b"}, STOP, file="r.yaml")
    assert [column.path for column in schema.columns] == ["x", "a/b", None]


def test_the_first_column_decides_the_order_where_nobody_says_another():
    ((by,), chosen) = (read(STOP, FIELD).default_order, ResultSchema.model_validate(WHOLE).default_order)
    assert (by.name, by.descending) == ("points", True)
    assert [(each.name, each.descending) for each in chosen] == [("chi", False), ("peak", True)]


def test_columns_are_found_by_name():
    schema = read(STOP, FIELD)
    assert schema.column("peak") == Column.model_validate(FIELD)
    assert schema.column("nothing") is None


@pytest.mark.parametrize(
    ("columns", "more", "where", "what"),
    [
        ([], {}, "", "at least one column"),
        ([{"name": "x", "dtype": "int"}], {}, "columns.0", "exactly one of 'path', 'field' and 'stop'"),
        ([STOP | {"field": "det"}], {}, "columns.0", "exactly one of"),
        ([STOP | {"statistic": "max"}], {}, "columns.0", "no 'field', which 'statistic' belongs to"),
        ([STOP | {"stream": "primary"}], {}, "columns.0", "no 'field', which 'stream' belongs to"),
        ([FIELD | {"over": None}], {}, "columns.0", "need the field of the axis in 'over'"),
        ([FIELD | {"statistic": "max"}], {}, "columns.0", "no other takes one"),
        ([FIELD | {"statistic": "median"}], {}, "columns.0.statistic", "'max', 'min'"),
        ([STOP | {"dtype": "bool"}], {}, "columns.0.dtype", "'int', 'float' or 'string'"),
        ([STOP | {"name": "a b"}], {}, "columns.0.name", "pattern"),
        ([STOP | {"name": "x\n"}], {}, "columns.0.name", "pattern"),
        ([STOP | {"stop": "a//b"}], {}, "columns.0.stop", "keys with slashes"),
        ([STOP | {"color": "red"}], {}, "columns.0.color", "not permitted"),
        ([STOP | {"required": 1}], {}, "columns.0.required", "boolean"),
        ([STOP, STOP | {"label": "Other"}], {}, "", "two columns have the name 'points'"),
        ([STOP, STOP | {"name": "other"}], {}, "", "two columns have the label 'Points'"),
        ([{"name": "x", "dtype": "int", "path": "x"}], {}, "", "has a 'path', but the schema names no 'file'"),
        ([STOP], {"file": "../secret"}, "file", "relative path"),
        ([STOP], {"file": "/etc/passwd"}, "file", "relative path"),
        ([STOP], {"file": "a\x00b"}, "file", "control characters"),
        ([STOP], {"file": ""}, "file", "1 to 1024 bytes"),
        ([STOP], {"order_by": [{"name": "x"}]}, "", "'order_by' names 'x', which is no column"),
        ([STOP], {"order_by": [{"name": "points"}, {"name": "points"}]}, "", "names a column twice"),
        ([STOP | {"name": f"c{n}", "label": f"c{n}"} for n in range(65)], {}, "columns", "at most 64"),
    ],
)
def test_a_mistake_is_named_where_it_is(columns, more, where, what):
    place, message = complain(*columns, **more)
    assert place == where
    assert what in message


def test_only_values_that_a_column_can_have_are_metrics():
    metrics = TypeAdapter(Metrics)
    given = {"a": 1, "b": 1.5, "c": "x"}
    read_back = metrics.validate_python(given)
    assert read_back == given
    assert [type(value) for value in read_back.values()] == [int, float, str]
    for wrong in (True, None, [1], "x" * 1_025):
        with pytest.raises(ValidationError):
            metrics.validate_python({"a": wrong})


def test_declared_files_are_relative_paths():
    assert Extraction.model_validate({"outputs": ["a/b.csv"]}).outputs == ("a/b.csv",)
    with pytest.raises(ValidationError):
        Extraction.model_validate({"outputs": ["../b.csv"]})


def test_the_example_of_the_guide_is_a_schema():
    [example] = re.findall(r"```json\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    schema = ResultSchema.model_validate(json.loads(example)["result_schema"])
    assert [column.statistic for column in schema.columns] == ["fwhm", "max", None, "mean"]
