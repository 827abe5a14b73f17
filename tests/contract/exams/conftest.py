"""Exam records as clients see them, through the dispatcher, on every store."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.protocol.exam_records import ExamTask, TaskItem
from tests.doubles.bench import Bench
from tests.doubles.exam_records import dag_fields, exam_fields, scan_fields


class ExamBench(Bench):
    """A manager, and exam records in few words."""

    async def add_exam(self, **more):
        """Add an exam and return it."""
        return (await self.do("exam_add", exam=exam_fields(**more), user="anna"))["exam"]

    async def add_workflow(self, exam, **more):
        """Add a workflow to an exam and return it."""
        fields = {"name": "overview", "exam_id": exam["id"], "is_template": exam["is_template"], **more}
        return (await self.do("exam_workflow_add", workflow=fields))["workflow"]

    async def add_scan(self, workflow, **more):
        """Add an acquisition task to a workflow and return it."""
        fields = scan_fields(workflow_id=workflow["id"], is_template=workflow["is_template"], **more)
        return (await self.do("exam_task_add", task=fields))["task"]

    async def add_dag(self, workflow, inputs=(), **more):
        """Add a DAG task that takes the results of others to a workflow and return it."""
        ids = [each["id"] for each in inputs]
        fields = dag_fields(workflow_id=workflow["id"], is_template=workflow["is_template"], input_task_ids=ids, **more)
        return (await self.do("exam_task_add", task=fields))["task"]

    async def give_item(self, task, state, **fields):
        """Let the manager say that an item does an exam task; return the uid of the item."""
        uid = f"item of {task['id']}"

        def work(tx):
            present = tx.exam_record(ExamTask, task["id"])
            changed = present.fields.model_copy(update=fields)
            tx.change_exam_record(
                replace(present, fields=changed, item=TaskItem(uid, state), version=present.version + 1)
            )

        await self.store.transact(work)
        return uid

    async def keep(self, records):
        """Write records at once, as no client could."""
        await self.store.transact(lambda tx: [tx.add_exam_record(record) for record in records])

    async def told(self):
        """Return kind and data of the events about exam records."""
        events = await self.store.transact(lambda tx: tx.events(0, 1000))
        return [(event.kind, dict(event.data)) for event in events if event.kind.startswith("exam_")]


@pytest.fixture
async def bench(store):
    """A manager that serves, on an empty store."""
    bench = await ExamBench.begin(store)
    yield bench
    await bench.end()


@pytest.fixture
async def exam(bench):
    """An exam of a patient."""
    return await bench.add_exam()


@pytest.fixture
async def workflow(bench, exam):
    """A workflow of the exam."""
    return await bench.add_workflow(exam)


@pytest.fixture
async def scan(bench, workflow):
    """An acquisition task of the workflow."""
    return await bench.add_scan(workflow)


@pytest.fixture
async def template(bench):
    """A template of an exam with two workflows, whose exam tasks take each other's results."""
    exam = await bench.add_exam(is_template=True, comment="as usual", status="NEW")
    first = await bench.add_workflow(exam, name="first")
    second = await bench.add_workflow(exam, name="second")
    scan = await bench.add_scan(first, name="scan", position=1)
    localizer = await bench.add_scan(first, name="localizer", position=0)
    image = await bench.add_dag(first, [scan, localizer], name="image", position=2)
    await bench.add_dag(second, [image, scan], name="map", parameter={"kernel": [3, 3]})
    return exam
