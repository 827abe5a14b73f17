"""A gateway in the event loop of a test, before the inside of a real manager: its dispatcher and a store in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import zmq
import zmq.asyncio
from msgspec.structs import replace

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.exam_records import ExamTask, TaskItem
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.peer import DELEGATE
from queue_server.storage.memory import open_memory
from tests.doubles.bench import Bench
from tests.doubles.exam_records import PATIENT
from tests.doubles.gateway import running_gateway
from tests.faults.places import place_in_memory

XYZ = {"x": 1.0, "y": 0.5, "z": -2.0}
FIELD_OF_VIEW = {"fov_scaling": XYZ, "fov_offset": XYZ, "fov_rotation": XYZ}
LIMITS = {"patient_height": 180, "patient_weight": 80, "patient_age": 40, "patient_gender": "FEMALE"}


class RealManager:
    """A control socket that only this test reaches, behind it a dispatcher; the notices socket says nothing.

    While ``is_silent`` it answers nothing.
    """

    def __init__(self, bench, place):
        self.bench = bench
        self.is_silent = False
        self._context = zmq.asyncio.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._publisher = self._context.socket(zmq.XPUB)
        self.control = f"ipc://{place / 'control'}"
        self._router.bind(self.control)
        self.info = f"tcp://127.0.0.1:{self._publisher.bind_to_random_port('tcp://127.0.0.1')}"
        self._serving = asyncio.create_task(self._serve())

    async def _serve(self):
        while True:
            *route, frame = await self._router.recv_multipart()
            if self.is_silent:
                continue
            answered = asyncio.get_running_loop().create_future()
            self.bench.dispatcher.take(frame, answered.set_result, DELEGATE)
            await self._router.send_multipart([*route, await answered])

    async def close(self):
        """End."""
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        self._context.destroy(0)
        await self.bench.end()


@asynccontextmanager
async def exam_gateway(directory, *, lanes=(DEFAULT_LANE,), **settings):
    """Serve a gateway in front of a real manager; give the manager, and a client that has the key as a bearer.

    In multi-user mode the client has no credential.
    """
    if settings.get("authentication"):
        (directory / "api-key").write_text("unused\n")
    async with real_manager(lanes) as manager, running_gateway(manager, directory, **settings) as client:
        key = client.headers.pop("Authorization").removeprefix("ApiKey ")
        if not settings.get("authentication"):
            client.headers["Authorization"] = f"Bearer {key}"
        yield manager, client


@asynccontextmanager
async def real_manager(lanes=(DEFAULT_LANE,)):
    """Give a manager with an empty store."""
    store = open_memory(clock=ManualClock(), chance=Chance.seeded(1))
    with place_in_memory() as place:
        manager = RealManager(await Bench.begin(store, lanes=lanes), place)
        yield manager
        await manager.close()
        await store.close()


class Records:
    """Asks the routes of exam records as a client of ScanHub does; ``asked`` statuses must be those expected."""

    def __init__(self, client):
        self.client = client
        self.url = str(client.base_url).rstrip("/")
        self.token = client.headers.get("Authorization", "").removeprefix("Bearer ")

    async def ask(self, verb, path, status=200, **options) -> Any:
        """Return what is answered: JSON, or None without content."""
        answer = await self.client.request(verb, f"/api/v1/exam{path}", **options)
        assert answer.status_code == status, f"{verb} {path}: {answer.status_code} {answer.text}"
        if status >= 400:
            assert list(answer.json()) == ["detail"]
        return answer.json() if answer.content else None

    async def exam(self, **more):
        """Add an exam."""
        return await self.ask("POST", "/new", 201, json=exam_of(**more))

    async def workflow(self, exam, **more):
        """Add a workflow to an exam."""
        fields = workflow_of(exam_id=exam["id"], is_template=exam["is_template"], **more)
        return await self.ask("POST", "/workflow/new", 201, json=fields)

    async def scan(self, workflow, **more):
        """Add an acquisition task to a workflow."""
        fields = scan_of(workflow_id=workflow["id"], is_template=workflow["is_template"], **more)
        return await self.ask("POST", "/task/new", 201, json=fields)

    async def dag(self, workflow, inputs=(), **more):
        """Add a DAG task to a workflow."""
        ids = [each["id"] for each in inputs]
        fields = dag_of(workflow_id=workflow["id"], is_template=workflow["is_template"], input_task_ids=ids, **more)
        return await self.ask("POST", "/task/new", 201, json=fields)

    async def tree(self, **more):
        """Add an exam with a workflow and a scan; return them, and the scan's workflow."""
        exam = await self.exam(**more)
        workflow = await self.workflow(exam)
        return SimpleNamespace(exam=exam, workflow=workflow, scan=await self.scan(workflow))

    async def template(self):
        """Add a template with a scan and the reconstruction of its result; return its id."""
        exam = await self.exam(is_template=True)
        workflow = await self.workflow(exam)
        await self.dag(workflow, [await self.scan(workflow)], position=1)
        return exam["id"]


def exam_of(**more):
    """Return an exam with all that a client must give."""
    patient = None if more.get("is_template") else PATIENT
    fields = {"name": "knee", "description": "", "status": "NEW", "is_template": False, "patient_id": patient}
    return fields | more


def workflow_of(**more):
    """Return a workflow with all that a client must give."""
    return {"name": "overview", "description": "", "status": "NEW", "is_template": False, **more}


def task_of(**more):
    """Return what a client must give of every task."""
    task = {"name": "t", "description": "d", "destination": "", "status": "NEW", "progress": 0, "is_template": False}
    return task | more


def scan_of(**more):
    """Return an acquisition task with all that a client must give."""
    return task_of(task_type="ACQUISITION", sequence_id="s", acquisition_parameter=FIELD_OF_VIEW) | more


def dag_of(**more):
    """Return a DAG task with all that a client must give."""
    return task_of(task_type="DAG", dag_type="RECONSTRUCTION", dag_id="fft") | more


async def give_item(manager, task, state, **fields):
    """Let the manager say that an item does an exam task; return the uid of the item."""
    uid = str(uuid4())

    def work(tx):
        present = tx.exam_record(ExamTask, task["id"])
        changed = present.fields.model_copy(update=fields)
        tx.change_exam_record(replace(present, fields=changed, item=TaskItem(uid, state), version=present.version + 1))

    await manager.bench.store.transact(work)
    return uid


async def multiply(manager, task, count):
    """Write as many copies of an exam task into its workflow at once, as no client could."""

    def work(tx):
        present = tx.exam_record(ExamTask, task["id"])
        for _ in range(count):
            tx.add_exam_record(replace(present, id=str(uuid4())))

    await manager.bench.store.transact(work)
