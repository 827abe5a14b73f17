"""A process that dies while it creates a batch leaves all of it or nothing, and a repetition makes exactly one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import orjson
import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import StorageFullError
from queue_server.storage.integrity import examine
from queue_server.storage.memory import open_memory
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.batch_maker import request_of
from tests.doubles.bench import Bench
from tests.doubles.stores import FailingStore

SIZE = 5
# The first transaction is that of the bench, which reads what the store knows; the second one creates the batch.
INSTANTS = {
    "engine.before_turn=kill@1": 0,
    "store.begin=kill@2": 0,
    "store.before_commit=kill@2": 0,
    "store.after_commit=kill@2": 1,
    "engine.before_send=kill@1": 1,
    "engine.after_send=kill@1": 1,
}


def make_batch(data, **environ):
    """Let a process of its own create the batch."""
    command = [sys.executable, "-m", "tests.doubles.batch_maker", str(data), str(SIZE)]
    return subprocess.run(
        command,
        env={**os.environ, **environ},
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=60,
    )


@pytest.mark.parametrize("instant", INSTANTS)
async def test_a_death_at_any_instant_leaves_a_whole_batch_or_none(tmp_path, instant):
    data = tmp_path / "data"
    killed = make_batch(data, CUELIGHT_FAULT_TESTS="1", CUELIGHT_FAILPOINTS=instant)
    assert killed.returncode == -signal.SIGKILL
    _, faults = examine(data / "queue.sqlite")
    assert faults == []

    store = open_sqlite(data, clock=ManualClock(), chance=Chance())
    bench = await Bench.begin(store)
    batches = (await bench.do("batch_list"))["batches"]
    assert len(batches) == INSTANTS[instant]
    assert len(await bench.uids()) == SIZE * len(batches)
    reply = await bench.do("batch_create", **request_of(SIZE))
    assert reply["is_repetition"] is bool(batches)
    [batch] = (await bench.do("batch_list"))["batches"]
    assert batch["id"] == reply["batch"]["id"]
    assert await bench.uids() == [item["item_uid"] for item in reply["items"]]
    page = await bench.do("batch_items", batch_id=batch["id"])
    assert [item["state"] for item in page["items"]] == ["queued"] * SIZE
    await bench.end()
    await store.close()


def test_a_process_that_lives_tells_the_whole_batch(tmp_path):
    made = make_batch(tmp_path / "data")
    assert len(orjson.loads(made.stdout)["items"]) == SIZE


async def test_a_batch_for_which_the_disk_has_no_room_leaves_nothing_and_may_be_asked_for_again():
    store = FailingStore(open_memory(clock=ManualClock(), chance=Chance.seeded(1)))
    bench = await Bench.begin(store)
    store.failure = StorageFullError()
    reply = await bench.ask("batch_create", **request_of(SIZE))
    assert reply["error"]["code"] == "storage_full"
    store.failure = None
    assert ((await bench.do("batch_list"))["batches"], await bench.uids()) == ([], [])
    reply = await bench.do("batch_create", **request_of(SIZE))
    assert reply["is_repetition"] is False
    await bench.end()
