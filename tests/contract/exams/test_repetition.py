"""Every method that changes exam records can be repeated under its key: one effect, and the same answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from queue_server.protocol.codec import decode
from queue_server.protocol.methods import METHODS
from tests.doubles.bench import PATIENCE_S, USER
from tests.doubles.exam_records import PATIENT, exam_fields, scan_fields

KEY = {"idempotency_key": "the key"}
CASES = {
    "exam_add": {"exam": exam_fields()},
    "exam_copy": {"template_id": "template", "exam": {"patient_id": PATIENT}},
    "exam_update": {"exam_id": "exam", "exam": {"comment": "x"}, "if_version": 1},
    "exam_remove": {"exam_id": "exam"},
    "exam_workflow_add": {"workflow": {"name": "x", "exam_id": "exam"}},
    "exam_workflow_copy": {"template_id": "template workflow", "workflow": {"exam_id": "exam"}},
    "exam_workflow_update": {"workflow_id": "workflow", "workflow": {"comment": "x"}, "if_version": 1},
    "exam_workflow_remove": {"workflow_id": "workflow"},
    "exam_task_add": {"task": scan_fields(workflow_id="workflow")},
    "exam_task_copy": {"template_id": "template scan", "task": {"workflow_id": "workflow"}},
    "exam_task_update": {"task_id": "scan", "task": {"name": "x"}, "if_version": 1},
    "exam_task_remove": {"task_id": "scan"},
    "exam_task_reorder": {"task_ids": ["other scan", "scan"]},
    "exam_task_trigger": {"task_id": "scan of a device", **USER},
    "exam_result_add": {"task_id": "scan"},
    "exam_result_update": {"result_id": "result", "result": {"type": "MRD"}, "if_version": 1},
    "exam_result_remove": {"result_id": "result"},
    "exam_sequence_add": {"sequence": {"name": "x"}, "seq_file": "x"},
    "exam_sequence_remove": {"sequence_id": "sequence"},
}
LISTS = ("exam_list", "exam_workflow_list", "exam_task_list", "exam_sequence_list")


@pytest.fixture
async def ids(bench, template, exam, workflow, scan):
    """The ids of a record of every kind by what stands for them above."""
    first = (await bench.do("exam_get", exam_id=template["id"]))["exam"]["workflows"][0]
    sequence = (await bench.do("exam_sequence_add", sequence={"name": "s"}, seq_file="x"))["sequence"]
    device_id = (await bench.do("device_create", name="MR 1", description="room 3"))["device_id"]
    records = {
        "template": template,
        "template workflow": first,
        "template scan": first["tasks"][0],
        "exam": exam,
        "workflow": workflow,
        "scan": scan,
        "other scan": await bench.add_scan(workflow),
        "scan of a device": await bench.add_scan(workflow, device_id=device_id, sequence_id=sequence["id"]),
        "result": (await bench.do("exam_result_add", task_id=scan["id"]))["result"],
        "sequence": sequence,
    }
    return {name: record["id"] for name, record in records.items()}


def fill(value, ids) -> Any:
    """Put ids where they are wanted."""
    if isinstance(value, dict):
        return {name: fill(each, ids) for name, each in value.items()}
    if isinstance(value, list):
        return [fill(each, ids) for each in value]
    return ids.get(value, value)


async def send(bench, method, params):
    async with asyncio.timeout(PATIENCE_S):
        return decode(await bench.request(method, "json", KEY, **params))[0]


async def everything(bench):
    """Return all records and all events about them."""
    lists = [await bench.do(name, **more) for name in LISTS for more in ({}, {"templates": True}) if _fits(name, more)]
    return lists, await bench.do("exam_list", tree=True), await bench.told()


def _fits(name, more):
    return not more or "templates" in METHODS[name].params.model_fields


def test_every_method_that_changes_exam_records_is_tested_here():
    assert set(CASES) == {name for name, method in METHODS.items() if name.startswith("exam_") and method.changes}


@pytest.mark.parametrize("method", CASES)
async def test_a_repetition_has_no_second_effect_and_the_same_answer(method, bench, ids):
    params = fill(CASES[method], ids)
    first = await send(bench, method, params)
    assert first["success"] is True, first["msg"]
    after = await everything(bench)
    assert await send(bench, method, params) == first
    assert await everything(bench) == after
    refused = await send(bench, "exam_add", {"exam": exam_fields(name="another request")})
    assert refused["error"]["code"] == "conflict"
    assert await everything(bench) == after


# What triggers an exam task is an edit of a queue, and its event is one of the lane and the item.
@pytest.mark.parametrize("method", [each for each in CASES if each != "exam_task_trigger"])
async def test_each_change_is_one_event_of_who_asked(method, bench, ids):
    before = len(await bench.told())
    params = fill(CASES[method], ids)
    await bench.do(method, **params, user="bob")
    [event] = (await _events(bench))[before:]
    assert (event.kind, event.origin.user, event.lane, event.item_uid) == (method, "bob", "", "")


async def _events(bench):
    found = await bench.store.transact(lambda tx: tx.events(0, 1000))
    return [event for event in found if event.kind.startswith("exam_")]
