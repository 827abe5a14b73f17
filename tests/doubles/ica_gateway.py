"""A gateway before the inside of a real manager, with a workflow for batches, asked as clients of ICA ask."""

from __future__ import annotations

from contextlib import asynccontextmanager

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.workflows import Workflow, read_workflow
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.bench import Bench
from tests.doubles.exam_gateway import RealManager
from tests.doubles.gateway import running_gateway
from tests.faults.places import place_in_memory

V3, V4 = "application/vnd.illumina.v3+json", "application/vnd.illumina.v4+json"
PIPELINE = "demo-pipeline"
# Its plan takes whatever is given.
WORKFLOW = {
    "id": PIPELINE,
    "description": "Counts.",
    "steps": [{"item_type": "plan", "name": "count", "args": ["$[[detectors]]"], "kwargs": {"num": "$[[num]]"}}],
    "parameters": [
        {"name": "detectors", "dtype": "list", "item": {"name": "detector", "dtype": "string"}, "default": ["det1"]},
        {"name": "num", "dtype": "int", "minimum": 1, "maximum": 100, "default": 1},
    ],
}


@asynccontextmanager
async def ica_gateway(directory, **settings):
    """Serve a gateway in front of a real manager with the workflow; give the manager and somebody who asks."""
    with place_in_memory() as place:
        # The store in memory is not made for thousands of items.
        store = open_sqlite(place / "data", clock=ManualClock(), chance=Chance.seeded(1))
        manager = RealManager(await Bench.begin(store), place)
        workflow = Workflow(read_workflow(WORKFLOW), 1, "ann", 1000.0)
        await store.transact(lambda tx: tx.put_workflow(workflow))
        async with gateway_of(manager, directory, **settings) as batches:
            yield manager, batches
        await manager.close()
        await store.close()


@asynccontextmanager
async def gateway_of(manager, directory, **settings):
    """Serve a gateway in front of a manager; give somebody who asks it."""
    async with running_gateway(manager, directory, **{"timeout_s": 20, **settings}) as client:
        client.headers["X-API-Key"] = client.headers.pop("Authorization").removeprefix("ApiKey ")
        yield Batches(client)


def nextflow(reference="a run", pipeline=PIPELINE, **parameters):
    """An item of a batch."""
    given = [{"code": name, "value": value} for name, value in parameters.items()]
    return {
        "userReference": reference,
        "pipelineId": pipeline,
        "analysisInput": {"inputs": [], "parameters": given},
    }


def body_of(*items, **lists):
    """The body that creates a batch."""
    return {"nextflowItems": list(items), **lists}


class Batches:
    """Asks the routes of batches in a project; the answers come as they are."""

    def __init__(self, client, project="demo"):
        self.client = client
        self.path = f"/ica/rest/api/projects/{project}/analysisCreationBatch"

    def of_project(self, project):
        """Return somebody who asks in another project."""
        return Batches(self.client, project)

    async def create(self, body, key=None, headers=None):
        """Send a body; bytes are sent as they are."""
        sent = {"Accept": V3, "Content-Type": V3, **({} if key is None else {"Idempotency-Key": key})}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.client.post(self.path, headers={**sent, **(headers or {})}, **content)

    async def created(self, body, key=None):
        """Return the id of a new batch."""
        answer = await self.create(body, key)
        assert (answer.status_code, answer.headers["content-type"]) == (201, V3), answer.text
        return answer.json()["id"]

    async def get(self, path="", accept=V4, **query):
        """Return the answer to a question about a batch."""
        return await self.client.get(f"{self.path}/{path}", headers={"Accept": accept}, params=query)

    async def read(self, path="", accept=V4, **query):
        """Return what is told about a batch."""
        answer = await self.get(path, accept, **query)
        assert (answer.status_code, answer.headers["content-type"]) == (200, accept), answer.text
        return answer.json()

    async def items(self, batch, between=None, **query):
        """Return all items of a batch, page by page; every page but the last must be full.

        ``between`` is awaited after each page.
        """
        found, token = [], None
        while token != "":
            page = await self.read(f"{batch}/items", **query, **({} if token is None else {"pageToken": token}))
            token = page["nextPageToken"]
            found += page["items"]
            assert (token == "") == (page["remainingRecords"] == 0)
            assert token == "" or len(page["items"]) == query.get("pageSize", 100)
            if between is not None:
                await between()
        return found


def problem_of(answer, status, *places):
    """Return a problem after a look at its form; these places must be those that it names."""
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert problem["status"] == status
    assert {"type", "title", "timestamp", "parameters"} <= set(problem)
    if places:
        assert set(problem["parameters"]) == set(places), problem
    return problem
