"""Workflows that contradict themselves are refused, every contradiction at its place."""

from __future__ import annotations

import pytest

from queue_server.access.workflows import check_workflow
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.workflows import read_workflow

PLAN = {"item_type": "plan", "name": "count"}
SCHEMA = {"columns": [{"name": "a", "dtype": "int", "stop": "a"}]}


def places(**keys):
    """Return where a workflow with these keys is wrong."""
    fields = read_workflow({"id": "w", **({} if "steps" in keys else {"plan": PLAN}), **keys})
    try:
        check_workflow(fields)
    except ParameterError as error:
        return [finding["field"].removeprefix("workflow.") for finding in error.details["errors"]]
    return []


def nested(depth):
    parameter = {"name": "deep", "dtype": "int"}
    for _ in range(depth):
        parameter = {"name": "list", "dtype": "list", "item": parameter}
    return [parameter]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, []),
        ({"parameters": [{"name": "a", "dtype": "int", "minimum": 1, "maximum": 1, "default": 1}]}, []),
        ({"parameters": nested(7)}, []),
        ({"parameters": nested(8)}, [f"parameters[0]{'.item' * 8}"]),
        ({"parameters": [{"name": "a", "dtype": "int", "minimum": 1, "exclusive_maximum": 1}]},
         ["parameters[0].exclusive_maximum"]),
        ({"parameters": [{"name": "a", "dtype": "file", "default": "any"}]}, []),
        ({"parameters": [{"name": "a", "dtype": "file", "default": {"artifact_id": "x"}}]}, ["parameters[0].default"]),
        ({"parameters": [{"name": "a", "dtype": "select", "values": [
            {"name": "x", "value": 1, "is_default": True}, {"name": "x", "value": 2, "is_default": True}]}]},
         ["parameters[0].values[1].name", "parameters[0].values[1].is_default"]),
        ({"parameters": [{"name": "a", "dtype": "record", "fields": [{"name": "x", "dtype": "int"}] * 2}]},
         ["parameters[0].fields[1].name"]),
        ({"parameter_groups": [{"name": "g", "title": "G"}] * 2}, ["parameter_groups[1].name"]),
        ({"outputs": [{"source": "a", "key": "k"}, {"source": "b", "key": "k"}]}, ["outputs[1].key"]),
        ({"outputs": [{"source": "a", "key": "k"}, {"source": "a", "key": "l"}]}, ["outputs[1].source"]),
        ({"steps": [PLAN, {"item_type": "instruction", "name": "queue_stop"}]}, ["steps[1].item_type"]),
        ({"steps": [{"item_type": ["plan"], "name": ""}]}, ["steps[0].item_type", "steps[0].name"]),
        ({"steps": [{**PLAN, "kwargs": {"a": "$[[b?c]]"}}]}, ["steps[0].kwargs.a"]),
        ({"result_schema": {"columns": [{"name": f"c{n}", "dtype": "int", "stop": "a"} for n in range(33)]}},
         ["result_schema.columns"]),
        ({"result_schema": SCHEMA, "postprocessing": {"item": {"item_type": "acquisition", "name": "x"},
                                                      "files": ["a", "a"]}},
         ["postprocessing.files[1].name", "postprocessing.item.item_type"]),
        ({"result_schema": SCHEMA, "postprocessing": {"item": {**PLAN, "args": ["$[[submissions]]", "$[[a/b.c]]"]},
                                                      "files": ["a/b.c"]}}, []),
    ],
)  # fmt: skip
def test_contradictions_are_found(keys, expected):
    assert places(**keys) == expected
