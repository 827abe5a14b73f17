"""Copies of templates of any form keep their structure and never share an id, with each other or with the template."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from queue_server.clock import Chance, ManualClock
from queue_server.storage.memory import open_memory
from tests.doubles.bench import Bench
from tests.doubles.exam_records import PATIENT, dag_fields, exam_fields, scan_fields
from tests.faults.tiers import rounds

# An exam task: its place, and which of those before it are its inputs; without any it is a scan.
TASKS = st.tuples(st.integers(0, 3), st.sets(st.integers(0, 12), max_size=4))
WORKFLOWS = st.lists(st.lists(TASKS, max_size=5), max_size=3)
LASTING = ("name", "description", "task_type", "position", "sequence_id", "dag_id", "parameter")


async def _make(bench, workflows):
    """Make a template of this form; the name of an exam task is the order in which it was made."""
    template = (await bench.do("exam_add", exam=exam_fields(is_template=True)))["exam"]
    ids = []
    for tasks in workflows:
        fields = {"name": "w", "exam_id": template["id"], "is_template": True}
        workflow = (await bench.do("exam_workflow_add", workflow=fields))["workflow"]
        for position, inputs in tasks:
            known = [ids[each] for each in sorted(inputs) if each < len(ids)]
            common = {"name": str(len(ids)), "position": position, "workflow_id": workflow["id"], "is_template": True}
            task = dag_fields(input_task_ids=known, **common) if known else scan_fields(**common)
            ids.append((await bench.do("exam_task_add", task=task))["task"]["id"])
    return template["id"]


def _structure(tree):
    """Return the tree with the names of exam tasks in the place of their ids."""
    tasks = [task for workflow in tree["workflows"] for task in workflow["tasks"]]
    names = {task["id"]: task["name"] for task in tasks}
    assert len(names) == len(tasks)
    return [
        [
            [task.get(name) for name in LASTING] + [[names[each] for each in task.get("input_task_ids", [])]]
            for task in workflow["tasks"]
        ]
        for workflow in tree["workflows"]
    ]


def _ids(tree):
    tasks = [task for workflow in tree["workflows"] for task in workflow["tasks"]]
    inputs = [each for task in tasks for each in task.get("input_task_ids", [])]
    return {tree["id"], *inputs, *(each["id"] for each in (*tree["workflows"], *tasks))}


async def _copy_and_compare(workflows):
    bench = await Bench.begin(open_memory(clock=ManualClock(), chance=Chance.seeded(1)))
    try:
        template = await _make(bench, workflows)
        exams = [template]
        for given_fields in ({"patient_id": PATIENT}, {"patient_id": PATIENT}, {"is_template": True}):
            made = await bench.do("exam_copy", template_id=template, exam=given_fields)
            exams.append(made["exam"]["id"])
        # A copy of a copy that is a template.
        made = await bench.do("exam_copy", template_id=exams[-1], exam={"patient_id": PATIENT})
        exams.append(made["exam"]["id"])
        trees = [(await bench.do("exam_get", exam_id=each))["exam"] for each in exams]
    finally:
        await bench.end()
    assert all(_structure(tree) == _structure(trees[0]) for tree in trees)
    ids = [_ids(tree) for tree in trees]
    assert len(set.union(*ids)) == sum(map(len, ids))
    for tree in trees:
        for workflow in tree["workflows"]:
            assert workflow["exam_id"] == tree["id"]
            assert {task["workflow_id"] for task in workflow["tasks"]} <= {workflow["id"]}
            assert {each["is_template"] for each in (workflow, *workflow["tasks"])} == {tree["is_template"]}


@settings(max_examples=rounds(25, 300), deadline=None)
@given(WORKFLOWS)
def test_copies_keep_the_structure_and_share_no_id(workflows):
    asyncio.run(_copy_and_compare(workflows))
