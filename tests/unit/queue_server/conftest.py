"""A bench on a store in memory, and the pieces to build others."""

from __future__ import annotations

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.storage.memory import open_memory
from tests.doubles.bench import Bench


@pytest.fixture
async def store():
    """An empty store in memory."""
    store = open_memory(clock=ManualClock(), chance=Chance.seeded(1))
    yield store
    await store.close()


@pytest.fixture
async def make_bench():
    """Begin benches on stores; all are ended with the test."""
    made = []

    async def make(store, **options):
        made.append(await Bench.begin(store, **options))
        return made[-1]

    yield make
    for bench in made:
        await bench.end()


@pytest.fixture
async def bench(make_bench, store):
    """A manager that serves, on an empty store, without an environment."""
    return await make_bench(store)


@pytest.fixture
async def executing(bench):
    """A manager whose worker executes the first of two plans and has opened a run."""
    await bench.open()
    await bench.add("count", "scan")
    await bench.do("queue_start")
    await bench.run_plan()
    return bench
