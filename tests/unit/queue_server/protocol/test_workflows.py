"""Workflows are read from what people write, and filled with arguments."""

from __future__ import annotations

import pytest

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.workflow_parameters import Parameter
from queue_server.protocol.workflows import Workflow, WorkflowFields, fill, read_workflow

PLAN = {"item_type": "plan", "name": "count", "args": [["$[[detector]]"]], "kwargs": {"num": "$[[points]]", "md": None}}
FULL = {
    "id": "peak",
    "name": "Find it",
    "lane": "b",
    "steps": [PLAN],
    "parameters": [
        {"name": "detector", "dtype": "string", "label": "Detector", "help": "Which", "group": "g"},
        {"name": "points", "dtype": "int", "minimum": 1, "maximum": 5, "units": "1", "default": 3},
        {"name": "files", "dtype": "list", "item": {"name": "file", "dtype": "file", "target": "in/"}, "index": 7},
        {"name": "box", "dtype": "record", "fields": [{"name": "x", "dtype": "float", "default": 0.0}]},
        {"name": "mode", "dtype": "select", "values": [{"name": "A", "value": 1, "is_default": True}]},
    ],
    "parameter_groups": [{"name": "g", "title": "Group"}],
    "result_schema": {"columns": [{"name": "width", "dtype": "float", "stop": "width"}]},
    "outputs": [{"source": "out/a.csv", "key": "a.csv", "format": {"type": "csv"}}, {"source": "b.png"}],
    "postprocessing": {"item": {"item_type": "dag", "name": "sum"}, "files": ["a.csv"]},
}


def test_what_is_plain_is_read_as_the_same():
    fields = read_workflow(FULL)
    assert read_workflow(fields.plain()) == fields
    assert fields.plain()["steps"] == [PLAN]


def test_what_is_left_out_is_filled_in():
    fields = read_workflow({"id": "peak", "plan": PLAN, "parameters": FULL["parameters"]})
    assert (fields.name, fields.steps, fields.lane) == ("peak", (PLAN,), None)
    assert [each.index for each in fields.parameters] == [0, 1, 7, 3, 4]
    assert [each.is_required for each in fields.parameters] == [True, False, True, True, False]
    assert fields.parameter("mode") == fields.parameters[4]
    assert (fields.parameters[4].default, fields.parameter("nobody")) == (1, None)
    assert read_workflow(FULL).outputs[1].key == "b.png"


def test_clients_see_the_version_and_who_made_it():
    workflow = Workflow(read_workflow({"id": "peak", "plan": PLAN}), 1, "ada", 2.0)
    shown = workflow.shown()
    assert {name: shown[name] for name in ("version", "creator", "created", "origin")} == {
        "version": 1,
        "creator": "ada",
        "created": 2.0,
        "origin": "request",
    }
    assert (shown["description"], shown["result_schema"], shown["postprocessing"]) == ("", None, None)
    assert workflow.renewed(workflow.fields, "eve", 3.0, "file").version == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"steps": []}, "workflow.steps"),
        ({"steps": ["count"]}, "workflow.steps[0]"),
        ({"steps": [PLAN] * 65}, "workflow.steps"),
        ({"plan": PLAN}, "workflow.plan"),
        ({"id": ""}, "workflow.id"),
        ({"id": "é"}, "workflow.id"),
        ({"name": "x" * 513}, "workflow.name"),
        ({"parameters": [{"name": "a b", "dtype": "int"}]}, "workflow.parameters[0].name"),
        ({"parameters": [{"name": "a", "dtype": "number"}]}, "workflow.parameters[0].dtype"),
        ({"parameters": [{"name": "a", "dtype": "string", "minimum": 1}]}, "workflow.parameters[0]"),
        ({"parameters": [{"name": "a", "dtype": "list"}]}, "workflow.parameters[0]"),
        ({"parameters": [{"name": "a", "dtype": "int", "minimum": float("nan")}]}, "workflow.parameters[0].minimum"),
        ({"outputs": [{"source": "/etc/passwd"}]}, "workflow.outputs[0].source"),
        ({"outputs": [{"source": "a", "key": "../a"}]}, "workflow.outputs[0].key"),
        ({"postprocessing": {"item": {}, "files": []}}, "workflow.postprocessing.files"),
        ({"postprocessing": {"item": {}, "files": ["a?b"]}}, "workflow.postprocessing.files"),
        ({"result_schema": {"columns": [{"name": "a"}]}}, "workflow.result_schema.columns[0].dtype"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_path(change, field):
    with pytest.raises(ParameterError) as caught:
        read_workflow({**FULL, **change})
    assert caught.value.field is not None
    assert caught.value.field.startswith(field)
    assert field in str(caught.value)


def test_what_is_no_map_is_no_workflow():
    with pytest.raises(ParameterError, match="workflow"):
        read_workflow([PLAN])


def test_steps_come_one_after_the_other_unless_they_say_so():
    stop = {"item_type": "instruction", "name": "queue_stop"}
    steps = [PLAN, stop, PLAN, {**PLAN, "after": []}, {**PLAN, "after": [0]}]
    filled = fill(read_workflow({"id": "w", "steps": steps}), {"detector": "d", "points": 2})
    assert [step.get("after") for step in filled] == [None, None, [0], [], [0]]
    assert filled[0] == {"item_type": "plan", "name": "count", "args": [["d"]], "kwargs": {"num": 2, "md": None}}
    assert "after" not in PLAN


def test_a_file_stands_for_its_artifact():
    parameters = [
        {"name": "mask", "dtype": "file"},
        {"name": "box", "dtype": "record", "fields": [{"name": "x", "dtype": "int"}]},
    ]
    plan = {**PLAN, "args": ["$[[mask]]", "$[[box]]"], "kwargs": {}}
    workflow = read_workflow({"id": "w", "plan": plan, "parameters": parameters})
    [step] = fill(workflow, {"mask": {"artifact_id": "a" * 64, "file_id": "f"}, "box": {"x": 1}})
    assert step["args"] == ["a" * 64, {"x": 1}]


def test_parameters_know_their_title_and_what_is_within_them():
    fields = read_workflow(FULL)
    assert [parameter.title for parameter in fields.parameters] == ["Detector", "points", "files", "box", "mode"]
    assert [path for path, _ in fields.parameters[2].below()] == [".item"]
    assert [path for path, _ in fields.parameters[3].below()] == [".fields[0]"]
    assert Parameter.model_validate(fields.parameters[1].plain()) == fields.parameters[1]
    assert isinstance(fields, WorkflowFields)
