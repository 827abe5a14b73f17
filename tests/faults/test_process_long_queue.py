"""A manager with a queue and an event log that are as long as they may be is soon back, and answers at once."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from queue_server.clock import Chance, SystemClock
from queue_server.protocol.event_log import EventRecord
from queue_server.storage.sqlite import open_sqlite
from tests.faults.askers import asking, measure_status, p99
from tests.faults.tiers import rounds
from tests.processes.lone import Manager

ITEMS = rounds(10_000, 100_000)
AT_ONCE = 1_000
START_S, STATUS_MS, ADD_MS = 5.0, 10, 20
# What is asserted leaves a busy machine some room.
START_AT_MOST_S, STATUS_AT_MOST_MS, ADD_AT_MOST_MS = 20.0, 100, 500
USER = {"user": "Somebody", "user_group": "primary"}
PLAN = {"item_type": "plan", "name": "count", "args": [["det1", "det2"]]}


def fill(data):
    """Have a manager accept items, and put as many events into the log that it leaves."""
    manager = Manager(data, forks=True).must_be_ready()
    for first in range(0, ITEMS, AT_ONCE):
        items = [PLAN | {"meta": {"number": number, "sample": "x" * 100}} for number in range(first, first + AT_ONCE)]
        manager.requester.ask("queue_item_add_batch", timeout_s=60, items=items, **USER)
    assert manager.requester.status()["items_in_queue"] == ITEMS
    manager.terminate()
    asyncio.run(append_events(data))


async def append_events(data):
    """Write what a long life leaves in the log."""
    store = open_sqlite(data, clock=SystemClock(), chance=Chance())
    event = EventRecord("item_added", 1.0, store.epoch, lane="default", item_uid="item", data=PLAN)

    def append(tx):
        for _ in range(AT_ONCE):
            tx.append_event(event)

    for _ in range(0, ITEMS, AT_ONCE):
        await store.transact(append)
    await store.close()


def computing_seconds(pid):
    """Return how long a process has had a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.timeout(300)
def test_a_manager_with_a_long_queue_is_soon_back(directory, figure):
    fill(directory / "data")
    # Everything that a supervisor starts is loaded in this time too.
    began = time.monotonic()
    manager = Manager(directory / "data")
    assert manager.wait_ready(60), manager.log_end()
    took_s = time.monotonic() - began
    computed_s = computing_seconds(manager.process.pid)
    try:
        with asking(manager.ready["control"]) as asker:
            status = asker.must("status")
            assert status["items_in_queue"] == ITEMS
            statuses = p99(measure_status(asker, 3))
            asker.must("queue_item_remove", pos="back")
            adds = []
            for _ in range(50):
                begin = time.monotonic()
                asker.must("queue_item_add", item=PLAN, user=USER["user"], user_group=USER["user_group"])
                adds.append(time.monotonic() - begin)
                asker.must("queue_item_remove", pos="front")
    finally:
        manager.kill()
    assert manager.errors() == ""
    figure(f"start with {ITEMS:,} items and as many events, s", START_S, f"{took_s:.1f}")
    figure("of that computing, s", START_S, f"{computed_s:.1f}")
    figure("their status p99, ms", STATUS_MS, f"{statuses:.1f}")
    figure("their add p99, ms", ADD_MS, f"{p99(adds):.1f}")
    assert took_s <= START_AT_MOST_S
    assert computed_s <= START_S
    assert statuses <= STATUS_AT_MOST_MS
    assert p99(adds) <= ADD_AT_MOST_MS
