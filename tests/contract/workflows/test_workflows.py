"""Workflows are added, changed with versions, listed and removed."""

from __future__ import annotations

import pytest

from tests.contract.workflows.conftest import POSTPROCESSING, WORKFLOW
from tests.doubles.bench import USER


async def test_a_workflow_is_returned_as_it_was_added(bench, register):
    added = await register()
    assert (added["version"], added["origin"], added["creator"]) == (1, "request", "jdoe")
    assert added["steps"] == [WORKFLOW["plan"]]
    assert [each["index"] for each in added["parameters"]] == [0, 1, 2]
    assert [each["is_required"] for each in added["parameters"]] == [False, True, False]
    reply = await bench.do("workflow_get", workflow_id="peak")
    assert reply["workflow"] == added
    assert reply["postprocessing"] is None
    assert (await bench.do("workflow_list"))["workflows"] == [added]


async def test_an_id_is_given_once_until_it_is_removed(bench, register):
    await register()
    reply = await bench.refuse("workflow_add", workflow=WORKFLOW, **USER)
    assert reply["error"]["code"] == "conflict"
    await bench.do("workflow_remove", workflow_id="peak")
    assert (await bench.refuse("workflow_get", workflow_id="peak"))["error"]["code"] == "not_found"
    assert (await bench.refuse("workflow_remove", workflow_id="peak"))["error"]["code"] == "not_found"
    assert (await register())["version"] == 2
    assert (await bench.do("workflow_get", workflow_id="peak", version=1))["workflow"]["version"] == 1


async def test_an_update_is_a_version_and_the_same_again_is_none(bench, register, submit):
    await register()
    first = await submit()
    changed = {**WORKFLOW, "name": "Better"}
    for _ in range(2):
        assert (await bench.do("workflow_update", workflow=changed, **USER))["workflow"]["version"] == 2
    second = await submit()
    assert (first["workflow_version"], second["workflow_version"]) == (1, 2)
    assert (await bench.do("workflow_get", workflow_id="peak"))["workflow"]["name"] == "Better"
    unknown = await bench.refuse("workflow_update", workflow={**WORKFLOW, "id": "other"}, **USER)
    assert unknown["error"]["code"] == "not_found"


async def test_pages_have_every_workflow_once(bench, register):
    for name in ("c", "a", "b"):
        await register(id=name)
    found, cursor = [], None
    while True:
        page = await bench.do("workflow_list", limit=2, cursor=cursor)
        found += [each["id"] for each in page["workflows"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == ["c", "a", "b"]
    assert (await bench.refuse("workflow_list", cursor="x"))["error"]["details"]["field"] == "cursor"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "two words"}, "workflow.id"),
        ({"unheard_of": 1}, "workflow.unheard_of"),
        ({"plan": {"name": "count"}}, "workflow.steps[0].item_type"),
        ({"plan": {"item_type": "plan", "name": "count", "args": ["$[[nobody]]"]}}, "workflow.steps[0].args[0]"),
        ({"plan": {"item_type": "plan", "name": "count", "meta": {"a": "x $[[points"}}}, "workflow.steps[0].meta.a"),
        ({"parameters": [{"name": "n", "dtype": "int"}] * 2, "plan": WORKFLOW["plan"]}, "workflow.parameters[1].name"),
        ({"postprocessing": {**POSTPROCESSING, "files": ["other.npy"]}}, "workflow.postprocessing.item.kwargs.files"),
        ({"postprocessing": POSTPROCESSING, "result_schema": None}, "workflow.postprocessing"),
        ({"outputs": [{"source": "../secret"}]}, "workflow.outputs[0].source"),
        ({"result_schema": {"columns": []}}, "workflow.result_schema"),
    ],
)
async def test_what_contradicts_itself_is_refused_with_its_place(bench, change, field):
    reply = await bench.refuse("workflow_add", workflow={**WORKFLOW, **change}, **USER)
    assert reply["error"]["code"] == "invalid_parameter"
    assert reply["error"]["details"]["field"] == field
    assert field in reply["msg"]


async def test_all_that_is_wrong_is_told_at_once(bench):
    parameters = [
        {"name": "a", "dtype": "int", "minimum": 5, "maximum": 4},
        {"name": "b", "dtype": "int", "default": 1.5},
        {"name": "c", "dtype": "float", "minimum": 0, "exclusive_minimum": 1},
        {"name": "d", "dtype": "select", "values": [{"name": "x", "value": 1}, {"name": "y", "value": 1}]},
        {"name": "e", "dtype": "list", "item": {"name": "e", "dtype": "int", "maximum": 3}, "default": [1, 9]},
        {"name": "f", "dtype": "string", "group": "nowhere"},
    ]
    plan = {"item_type": "plan", "name": "count"}
    reply = await bench.refuse("workflow_add", workflow={"id": "w", "plan": plan, "parameters": parameters}, **USER)
    assert [each["field"] for each in reply["error"]["details"]["errors"]] == [
        "workflow.parameters[0].maximum",
        "workflow.parameters[1].default",
        "workflow.parameters[2].exclusive_minimum",
        "workflow.parameters[3].values[1].value",
        "workflow.parameters[4].default[1]",
        "workflow.parameters[5].group",
    ]
