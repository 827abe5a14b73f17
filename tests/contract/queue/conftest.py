"""The queue as clients see it, through the dispatcher, on every store; whatever is asked, the uids are watched."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.storage.memory import open_memory
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.bench import USER, Bench, plan

IN_MEMORY = Path("/dev/shm")


class WatchedBench(Bench):
    """Checks around every request that the uids of queue and history change exactly when their contents do."""

    async def ask(self, method, /, **params):
        """Return the reply to a request."""
        before = await self._contents()
        reply = await super().ask(method, **params)
        for (content, uid), (new_content, new_uid) in zip(before, await self._contents(), strict=True):
            assert (uid == new_uid) == (content == new_content), f"{method}: {content} became {new_content}"
        return reply

    async def _contents(self):
        queue, running, history, _ = await self.rows()
        status = self.status
        assert status["items_in_queue"] == len(queue)
        assert status["items_in_history"] == len(history)
        started = [(entry.item, entry.time_start) for entry in running]
        return ((queue, started), status["plan_queue_uid"]), (history, status["plan_history_uid"])


@pytest.fixture
def directory(tmp_path):
    """A directory on a file system in memory, where there is one: how durable a store is, is tested elsewhere."""
    if not os.access(IN_MEMORY, os.W_OK):
        yield tmp_path / "data"
        return
    with TemporaryDirectory(dir=IN_MEMORY, prefix="cuelight-test-") as made:
        yield Path(made) / "data"


@pytest.fixture(params=["memory", "sqlite"])
async def store(request, directory):
    """An empty store in its first epoch."""
    injected = {"clock": ManualClock(), "chance": Chance.seeded(1)}
    opened = open_memory(**injected) if request.param == "memory" else open_sqlite(directory, **injected)
    yield opened
    await opened.close()


@pytest.fixture
async def bench(store):
    """A manager that serves, on an empty store, without an environment."""
    bench = await WatchedBench.begin(store)
    yield bench
    await bench.end()


@pytest.fixture
async def queue(bench):
    """The uids of four plans in the queue."""
    sent = [plan(name) for name in ("count", "scan", "count", "scan")]
    reply = await bench.do("queue_item_add_batch", items=sent, **USER)
    return [item["item_uid"] for item in reply["items"]]


@pytest.fixture
async def running(bench):
    """The uid of a plan that is running, with two others in the queue."""
    await bench.open()
    uids = await bench.add("count", "scan", "count")
    await bench.do("queue_start")
    await bench.run_plan()
    return uids[0]
