from __future__ import annotations

import enum
import json
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import BaseModel, Field

from device_worker.compute import InputArray, InputFile, graph, node
from device_worker.compute.errors import GraphError
from queue_server.protocol.errors import ParameterError


class Filter(enum.Enum):
    HANN = "hann"
    NONE = "none"


class Region(BaseModel):
    x: int
    width: int = 10


@node
def double(value):
    return value * 2


@graph
def process(  # noqa: PLR0913
    raw: InputArray,
    size: int,
    notes: list[InputFile] | None = None,
    *,
    strength: Annotated[float, Field(ge=0, le=1, description="From 0 to 1.")] = 0.5,
    window: Filter = Filter.HANN,
    mode: Literal["fast", "good"] = "good",
    regions: list[Region] = [],  # noqa: B006
    schema: str | None = None,
):
    """Process something.

    Args:
        raw: the raw data.
        size: pixels of a side.
        notes: what is known.
        strength: how much.
    """
    return {"out.json": double(size), "all.json": [strength, window.value, mode, len(regions), schema]}


@pytest.fixture
def array_file(tmp_path):
    np.save(tmp_path / "raw.npy", np.zeros((3, 4)))
    return tmp_path / "raw.npy"


def test_the_description_can_be_said_in_json_and_has_all_that_a_form_needs():
    description = process.describe()
    assert json.loads(json.dumps(description)) == description
    assert (description["dag_id"], description["description"]) == ("process", "Process something.")
    schema = description["parameters"]
    assert schema["required"] == ["size"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == ["size", "strength", "window", "mode", "regions", "schema"]
    assert schema["properties"]["size"] == {"description": "pixels of a side.", "title": "size", "type": "integer"}
    strength = schema["properties"]["strength"]
    assert (strength["default"], strength["minimum"], strength["maximum"]) == (0.5, 0, 1)
    assert strength["description"] == "From 0 to 1."
    assert schema["properties"]["mode"]["enum"] == ["fast", "good"]
    assert schema["$defs"]["Filter"]["enum"] == ["hann", "none"]


def test_files_are_described_apart_from_parameters():
    assert process.describe()["inputs"] == {
        "raw": {"kind": "array", "several": False, "required": True, "description": "the raw data."},
        "notes": {"kind": "file", "several": True, "required": False, "description": "what is known."},
    }


def test_parameters_come_in_the_types_of_the_graph_with_defaults():
    given = process.check_parameters({"size": 3, "window": "none", "regions": [{"x": 1}], "strength": 1})
    assert given == {
        "size": 3,
        "strength": 1.0,
        "window": Filter.NONE,
        "mode": "good",
        "regions": [Region(x=1)],
        "schema": None,
    }


@pytest.mark.parametrize(
    ("parameters", "field", "reason"),
    [
        ({}, "size", "missing"),
        ({"size": "3"}, "size", "integer"),
        ({"size": 3.5}, "size", "integer"),
        ({"size": True}, "size", "integer"),
        ({"size": 3, "strength": 2}, "strength", "less than or equal to 1"),
        ({"size": 3, "strength": float("nan")}, "strength", "number"),
        ({"size": 3, "window": "hamming"}, "window", "'hann' or 'none'"),
        ({"size": 3, "regions": [{"x": 1}, {"x": "a"}]}, "regions.1.x", "integer"),
        ({"size": 3, "sise": 4}, "sise", "no such parameter"),
        ({"size": 3, "raw": "/a.npy"}, "raw", "no such parameter"),
        ({"size": 3, "parameter_1": 4}, "parameter_1", "no such parameter"),
    ],
)
def test_a_wrong_parameter_is_named(parameters, field, reason):
    with pytest.raises(ParameterError, match=reason) as caught:
        process.check_parameters(parameters)
    assert caught.value.field == f"parameters.{field}"
    assert f"parameter {field!r}" in caught.value.message


def test_all_wrong_parameters_are_listed():
    with pytest.raises(ParameterError, match="and 1 more") as caught:
        process.check_parameters({"mode": "bad"})
    assert [entry["field"] for entry in caught.value.details["errors"]] == ["size", "mode"]


def test_what_json_cannot_say_is_no_parameter():
    with pytest.raises(ParameterError, match="not JSON") as caught:
        process.check_parameters({"size": object()})
    assert caught.value.field == "parameters"


def test_inputs_are_opened_by_their_kind(array_file, tmp_path):
    (tmp_path / "a.txt").touch()
    opened = process.open_inputs({"raw": str(array_file), "notes": [tmp_path / "a.txt"]})
    assert opened["raw"].shape == (3, 4)
    assert opened["notes"] == [InputFile(tmp_path / "a.txt")]
    assert process.open_inputs({"raw": array_file})["notes"] is None


@pytest.mark.parametrize(
    ("inputs", "field", "reason"),
    [
        ({}, "raw", "needs the input"),
        ({"raw": ["{file}"]}, "raw", "one file"),
        ({"raw": "{file}", "notes": "{file}"}, "notes", "a list of files"),
        ({"raw": "{file}", "size": "{file}"}, "size", "no input 'size'; its inputs: raw, notes"),
        ({"raw": "raw.npy"}, "raw", "not an absolute path"),
        ({"raw": "/missing/raw.npy"}, "raw", "cannot be read"),
        ({"raw": __file__}, "raw", "no array of numpy"),
    ],
)
def test_a_wrong_input_is_named(array_file, inputs, field, reason):
    given = json.loads(json.dumps(inputs).replace("{file}", str(array_file)))
    with pytest.raises(ParameterError, match=reason) as caught:
        process.open_inputs(given)
    assert caught.value.field == f"inputs.{field}"


def test_a_graph_is_put_together_from_its_arguments(array_file):
    parameters = process.check_parameters({"size": 3})
    composition = process.compose(parameters, process.open_inputs({"raw": array_file}))
    assert composition.graph == "process"
    assert [(step.label, step.args) for step in composition.steps] == [("double", (3,))]
    assert [file.name for file in composition.files] == ["out.json", "all.json"]


def test_outside_of_the_executor_a_graph_is_called_like_a_function(array_file):
    assert process(InputArray.open(array_file), 4)["out.json"] == 8


def test_a_graph_may_call_another():
    @graph
    def outer(size: int):
        return {"a.json": double(inner(size)["b.json"])}

    @graph
    def inner(size: int):
        return {"b.json": double(size)}

    assert [step.label for step in outer.compose({"size": 1}, {}).steps] == ["double", "double#2"]
    assert outer(1) == {"a.json": 4}


def test_an_error_of_the_graph_comes_with_its_traceback():
    @graph
    def broken(size: int):
        raise KeyError("kspace")

    with pytest.raises(GraphError, match="'broken' cannot be put together: KeyError: 'kspace'") as caught:
        broken.compose({"size": 1}, {})
    assert "test_graph.py" in caught.value.traceback
    assert "compute/graph.py" not in caught.value.traceback


@pytest.mark.parametrize(("value", "reason"), [(None, "no files"), ({}, "no files"), ([1], "type list"), (3, "int")])
def test_a_graph_that_returns_no_files_is_refused(value, reason):
    @graph
    def odd():
        return value

    with pytest.raises(GraphError, match=reason):
        odd.compose({}, {})


def no_annotation(size):
    """Lacks a type."""


def any_number(*sizes: int):
    """Has no names for its parameters."""


def no_json(array: np.ndarray):
    """Has a parameter without a form in JSON."""


def unknown_type(size: Missing):  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
    """Has an annotation that does not exist."""


def odd_default(size: int = np.zeros(3)):  # pyright: ignore[reportArgumentType]
    """Has a default without a form in JSON."""


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (no_annotation, "'size' has no annotation"),
        (any_number, "can be given by its name"),
        (no_json, "cannot be described"),
        (unknown_type, "cannot be understood"),
        (odd_default, "cannot be described in JSON"),
        (print, "cannot be a graph"),
        (3, "cannot be a graph"),
    ],
)
def test_a_graph_that_cannot_be_described_is_refused_when_it_is_defined(function, reason):
    with pytest.raises(GraphError, match=reason):
        graph(function)
