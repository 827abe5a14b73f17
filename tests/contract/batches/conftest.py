"""Batches as clients see them, through the dispatcher, on every store."""

from __future__ import annotations

import hashlib

import orjson
import pytest

from tests.doubles.bench import USER, Bench, plan


@pytest.fixture
async def bench(store):
    """A manager that serves, on an empty store, without an environment."""
    async with Bench.on(store) as bench:
        yield bench


@pytest.fixture
def create(bench):
    """Create a batch of plans, one for each number of points; return the reply."""

    async def add(*nums, **more):
        items = [{"item": plan(kwargs={"num": num}), "reference": f"points {num}"} for num in nums]
        return await bench.do("batch_create", items=items, **{**USER, **more})

    return add


@pytest.fixture
def states(bench):
    """Read the states of the items of a batch in order."""

    async def read(batch_id):
        page = await bench.do("batch_items", batch_id=batch_id, limit=1000)
        return [item["state"] for item in page["items"]]

    return read


@pytest.fixture
def run_items(bench):
    """Let the items of the queue run until as many have ended as there are outcomes."""

    async def run(*outcomes):
        await bench.open()
        await bench.do("queue_start")
        for outcome in outcomes:
            if not bench.lane.attempt:
                await bench.do("queue_start")
            await bench.run_plan()
            await bench.finish(outcome)

    return run


@pytest.fixture
def repeatable():
    """Make the part of a request that lets it be repeated."""

    def make(key="key", endpoint="POST /ica/rest/api/projects/demo/analysisCreationBatch", body=""):
        fingerprint = hashlib.sha256(orjson.dumps(body)).hexdigest()
        return {"key": key, "endpoint": endpoint, "fingerprint": fingerprint}

    return make
