"""An attempt has all metrics that its schema requires, or none and the reason."""

from __future__ import annotations

import json
import math

import pytest

from device_worker.metrics.documents import DocumentValues
from device_worker.metrics.extraction import measure
from queue_server.protocol.result_schema import LONGEST_EXTRACTION_ERROR, ResultSchema


def schema(*columns, **more):
    return ResultSchema.model_validate({"columns": list(columns), **more})


@pytest.fixture
def write(tmp_path):
    """Write the result file."""

    def run(content, name="r.json"):
        (tmp_path / name).write_text(json.dumps(content))
        return tmp_path

    return run


WIDTH = {"name": "width", "dtype": "float", "path": "fit/width"}
NOTE = {"name": "note", "dtype": "string", "path": "note", "required": False}


def test_values_come_from_documents_and_from_the_file(write):
    whole = schema(WIDTH, {"name": "n", "dtype": "int", "stop": "num_events/primary"}, file="r.json")
    documents = DocumentValues(whole)
    documents("stop", {"run_start": "r", "num_events": {"primary": 7}})
    measured = measure(whole, write({"fit": {"width": 2}}), documents)
    assert (measured.metrics, measured.error) == ({"width": 2.0, "n": 7}, "")


def test_a_value_that_is_not_required_may_be_missing(write):
    for content in ({"fit": {"width": 2}}, {"fit": {"width": 2}, "note": None}):
        measured = measure(schema(WIDTH, NOTE, file="r.json"), write(content))
        assert (measured.metrics, measured.error) == ({"width": 2.0}, "")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"fit": {}}, "Column 'width': there is no 'fit/width' in the file 'r.json'."),
        ({"fit": {"width": None}}, "Column 'width': the value is null."),
        ({"fit": {"width": "wide"}}, "Column 'width': 'wide' is no number."),
        ({"fit": {"width": 1}, "note": [1]}, "Column 'note': a value of type list is neither a number nor a text."),
    ],
)
def test_a_value_that_is_required_or_does_not_fit_leaves_none_of_the_metrics(write, content, error):
    measured = measure(schema(WIDTH, NOTE, file="r.json"), write(content))
    assert (measured.metrics, measured.error) == ({}, error)


def test_a_missing_file_leaves_no_metrics_even_where_nothing_in_it_is_required(tmp_path):
    measured = measure(schema(NOTE, file="r.json"), tmp_path)
    assert (measured.metrics, measured.error) == ({}, "Column 'note': the attempt has written no file 'r.json'.")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", ["float", "int", "string"])
def test_a_number_that_is_not_finite_is_left_out_and_counts_as_there(write, value, dtype):
    whole = schema(WIDTH | {"dtype": dtype}, {"name": "a", "dtype": "int"}, file="r.json")
    measured = measure(whole, write({"fit": {"width": value}, "a": 1}))
    assert (measured.metrics, measured.error) == ({"a": 1}, "")


def test_all_obstacles_are_named(write):
    measured = measure(schema(WIDTH, WIDTH | {"name": "b", "path": "b"}, file="r.json"), write({}))
    assert measured.error.count("Column") == 2


def test_a_long_reason_is_cut(write):
    columns = [{"name": f"column-{number}", "dtype": "int", "path": "x" * 100} for number in range(64)]
    error = measure(schema(*columns, file="r.json"), write({})).error
    assert len(error) < LONGEST_EXTRACTION_ERROR + 100
    assert "left out" in error


def test_what_is_no_plan_has_no_documents(write):
    field = {"name": "x", "dtype": "float", "field": "det"}
    assert "it is no plan" in measure(schema(field), None).error
