"""Items of a batch may be workflows with arguments of their own."""

from __future__ import annotations

import pytest

from queue_server.protocol.workflows import Workflow, read_workflow
from tests.doubles.bench import USER, plan

PEAK = {
    "id": "peak",
    "steps": [
        plan("scan", kwargs={"num": 1}),
        plan("count", kwargs={"num": "$[[points]]"}, meta={"sample": "$[[name]]"}),
    ],
    "parameters": [
        {"name": "points", "dtype": "int", "minimum": 1, "maximum": 9},
        {"name": "name", "dtype": "string", "default": "none"},
    ],
}


@pytest.fixture
async def peak(store):
    """A workflow of two steps."""
    workflow = Workflow(read_workflow(PEAK), 1, "ada", 1.0)
    await store.transact(lambda tx: tx.put_workflow(workflow))
    return workflow


async def test_each_item_is_the_workflow_with_its_arguments(bench, peak):
    items = [{"arguments": {"points": 3}, "reference": "a"}, {"arguments": {"points": 5, "name": "Si"}}]
    reply = await bench.do("batch_create", items=items, workflow_id="peak", **USER)
    assert reply["batch"]["workflow_id"] == "peak"
    queued = (await bench.do("queue_get"))["items"]
    assert [(item["name"], item["kwargs"]["num"]) for item in queued] == [
        ("scan", 1),
        ("count", 3),
        ("scan", 1),
        ("count", 5),
    ]
    assert [item["item_uid"] for item in queued[1::2]] == [item["item_uid"] for item in reply["items"]]
    assert [item["after"] for item in queued[1::2]] == [[item["item_uid"]] for item in queued[::2]]
    [first, second] = (await bench.do("batch_items", batch_id=reply["batch"]["id"]))["items"]
    assert (first["workflow_id"], first["workflow_version"]) == ("peak", 1)
    assert (first["arguments"], second["arguments"]) == (
        {"points": 3, "name": "none"},
        {"points": 5, "name": "Si"},
    )
    assert first["steps"] == [queued[0]["item_uid"]]


async def test_a_sweep_over_a_workflow_varies_arguments(bench, peak):
    sweep = {"kind": "zip", "parameters": {"points": [1, 2], "name": ["a", "b"]}}
    reply = await bench.do("batch_create", sweep=sweep, workflow_id="peak", **USER)
    page = await bench.do("batch_items", batch_id=reply["batch"]["id"])
    assert [item["arguments"] for item in page["items"]] == [{"points": 1, "name": "a"}, {"points": 2, "name": "b"}]


async def test_kinds_of_items_may_be_mixed(bench, peak):
    items = [{"item": plan()}, {"arguments": {"points": 3}, "workflow_id": "peak"}, {"item": plan(after=[1])}]
    reply = await bench.do("batch_create", items=items, **USER)
    assert reply["batch"]["workflow_id"] is None
    last = (await bench.do("queue_get"))["items"][-1]
    assert last["after"] == [reply["items"][1]["item_uid"]]


async def test_texts_are_read_as_the_declared_types_where_that_is_asked_for(bench, peak):
    items = [{"arguments": {"points": "3"}, "cast": True}]
    reply = await bench.do("batch_create", items=items, workflow_id="peak", **USER)
    page = await bench.do("batch_items", batch_id=reply["batch"]["id"])
    assert page["items"][0]["arguments"]["points"] == 3
    refusal = await bench.refuse("batch_create", items=[{**items[0], "cast": False}], workflow_id="peak", **USER)
    [error] = refusal["error"]["details"]["errors"]
    assert error["field"] == "items[0].arguments.points"


async def test_arguments_that_do_not_fit_are_listed_with_their_places(bench, peak):
    items = [{"arguments": {"points": 3}}, {"arguments": {"points": 10, "extra": 1}}, {"arguments": {}}]
    refusal = await bench.refuse("batch_create", items=items, workflow_id="peak", **USER)
    found = [error["field"] for error in refusal["error"]["details"]["errors"]]
    assert sorted(found) == ["items[1].arguments.extra", "items[1].arguments.points", "items[2].arguments.points"]


async def test_cancelling_takes_the_earlier_steps_as_well(bench, peak):
    reply = await bench.do("batch_create", items=[{"arguments": {"points": 3}}], workflow_id="peak", **USER)
    change = await bench.do("batch_cancel", batch_id=reply["batch"]["id"], **USER)
    assert (change["changed"], change["batch"]["counts"]) == (2, {"removed": 1})
    assert await bench.uids() == []


async def test_a_workflow_that_failed_is_tried_again_as_it_was_when_nothing_else_is_left_of_it(bench, peak):
    reply = await bench.do("batch_create", items=[{"arguments": {"points": 3}}], workflow_id="peak", **USER)
    await bench.open()
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.finish()
    await bench.run_plan()
    await bench.finish("failed")
    [copy] = await bench.uids()
    await bench.do("queue_item_remove", uid=copy, user="jdoe")
    await bench.do("history_clear")
    changed = read_workflow({**PEAK, "steps": [plan("scan")]})
    await bench.store.transact(lambda tx: tx.put_workflow(peak.renewed(changed, "ada", 2.0, "request")))
    assert (await bench.do("batch_retry", batch_id=reply["batch"]["id"], **USER))["changed"] == 1
    [queued] = (await bench.do("queue_get"))["items"]
    assert (queued["name"], queued["kwargs"], queued["meta"], queued.get("after")) == (
        "count",
        {"num": 3},
        {"sample": "none"},
        None,
    )
