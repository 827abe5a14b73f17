"""Workflows as clients see them, through the dispatcher, on every store."""

from __future__ import annotations

import hashlib

import pytest

from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.records import Artifact, ManifestEntry
from queue_server.protocol.worker_link import CatalogPage, EnvironmentOpened, ItemAcknowledged, REStateChanged
from tests.doubles.bench import USER, Bench

AVERAGE = {
    "dag_id": "average",
    "description": "Average of files.",
    "parameters": {
        "type": "object",
        "properties": {
            "files": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "title": {"type": "string"},
        },
        "required": ["files"],
        "additionalProperties": False,
    },
    "inputs": {"files": {"several": True}},
}
WORKFLOW = {
    "id": "peak",
    "name": "Find the peak",
    "description": "Scans once.",
    "plan": {
        "item_type": "plan",
        "name": "count",
        "args": [["$[[detector]]"]],
        "kwargs": {"num": "$[[points]]"},
        "meta": {"title": "$[[points]] points of $[[detector]]", "mask": "$[[mask]]"},
    },
    "parameters": [
        {"name": "detector", "dtype": "select", "values": [{"name": "One", "value": "det1", "is_default": True}]},
        {"name": "points", "dtype": "int", "minimum": 1, "exclusive_maximum": 100},
        {"name": "mask", "dtype": "file", "is_required": False},
    ],
    "result_schema": {
        "columns": [
            {"name": "height", "dtype": "float", "field": "det1", "statistic": "max"},
            {"name": "width", "dtype": "float", "field": "det1", "statistic": "std", "required": False},
        ]
    },
}
POSTPROCESSING = {
    "item": {"item_type": "dag", "name": "average", "kwargs": {"files": "$[[data.npy]]"}},
    "files": ["data.npy"],
}


def make_file(name, text):
    """Return a file that an attempt has left behind."""
    identity = hashlib.sha256(text.encode()).hexdigest()
    return ManifestEntry(name=name, artifact=Artifact(id=identity, size_bytes=len(text), created=1.0))


@pytest.fixture
async def bench(store):
    """A manager that serves a lane of plans and one of graphs, whose environments are open."""
    bench = await Bench.begin(store, lanes=(DEFAULT_LANE, "compute"))
    bench.resources.graph_lanes = ("compute",)
    await bench.open()
    graphs = bench.in_lane("compute")
    await bench.do("environment_open", lane="compute")
    graphs.hello(environment="loading")
    graphs.tell(CatalogPage, catalog="dags", first=True, entries={"average": AVERAGE})
    await graphs.report(EnvironmentOpened)
    yield bench
    await bench.end()


@pytest.fixture
def graphs(bench):
    """The same as the worker of the lane of graphs sees it."""
    return bench.in_lane("compute")


@pytest.fixture
def register(bench):
    """Add the workflow, with other keys if they are given; return it."""

    async def add(**more):
        return (await bench.do("workflow_add", workflow={**WORKFLOW, **more}, **USER))["workflow"]

    return add


@pytest.fixture
def submit(bench):
    """Submit the workflow; return the submission."""

    async def add(points=3, **more):
        given = {"workflow_id": "peak", "arguments": {"points": points}, **USER, **more}
        return (await bench.do("submission_add", **given))["submission"]

    return add


@pytest.fixture
def run(bench):
    """Let the next item of the lane default run and end."""

    async def take(outcome="completed", *, files=(), **fields):
        await bench.do("queue_start")
        await bench.run_plan(f"run-{len(bench.journal)}")
        await bench.do("queue_stop")
        await bench.finish(outcome, artifacts=tuple(files), **fields)

    return take


@pytest.fixture
def score(submit, run):
    """Submit the workflow and let it end with metrics and a file; return the id of the submission."""

    async def do(height, *, width=None, group=None, user=USER, stop=None):
        more = {} if group is None else {"group_id": group}
        submission = await submit(**more, **user)
        metrics = {"height": height} if width is None else {"height": height, "width": width}
        times = {} if stop is None else {"time_stop": stop}
        file = make_file("data.npy", f"{submission['id']}")
        await run(metrics=metrics, files=[file], **times)
        return submission["id"]

    return do


class Computing:
    """Lets the next graph begin, and end with an outcome; called, it does both."""

    def __init__(self, graphs):
        self._graphs = graphs

    async def begin(self):
        await self._graphs.do("queue_start", lane="compute")
        self._graphs.tell(ItemAcknowledged, attempt=self._graphs.key)
        await self._graphs.report(REStateChanged, attempt=self._graphs.key, re_state="computing")

    async def end(self, outcome="completed", files=()):
        await self._graphs.finish(outcome, artifacts=tuple(files))

    async def __call__(self, outcome="completed", files=()):
        await self.begin()
        await self.end(outcome, files)


@pytest.fixture
def compute(graphs):
    """Let graphs begin and end."""
    return Computing(graphs)
