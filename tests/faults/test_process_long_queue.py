"""A manager with a queue, an event log and a history that are as long as they may be is soon back, and answers at once.

R5: each commit tries a tenth of the queue and a fiftieth of the history; the figures asked for are those of the night.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from queue_server.clock import Chance, SystemClock
from queue_server.protocol.event_log import EventRecord
from queue_server.storage.directory import DATABASE_FILE
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.long_history import write_history
from tests.faults.askers import asking, measure_status, p99
from tests.faults.tiers import rounds
from tests.processes.lone import Manager
from tests.processes.waiting import wait_for_text

ITEMS = rounds(10_000, 100_000)
HISTORY = rounds(20_000, 1_000_000)
# What a client gets that asks for everything, and those that may ask so.
NEWEST = min(HISTORY, 50_000)
AT_ONCE = 1_000
# Enough to be more than a start looks at.
HISTORY_OF_DAMAGE = 30_000
START_S, STATUS_MS, ADD_MS = 5.0, 10, 20
# What is asserted leaves a busy machine some room.
START_AT_MOST_S, STATUS_AT_MOST_MS, ADD_AT_MOST_MS = 20.0, 100, 500
DAMAGED = f"{DATABASE_FILE} is damaged: "
USER = {"user": "Somebody", "user_group": "primary"}
PLAN = {"item_type": "plan", "name": "count", "args": [["det1", "det2"]]}


def fill(data):
    """Have a manager accept items, and leave as many events, and a history."""
    manager = Manager(data, forks=True).must_be_ready()
    for first in range(0, ITEMS, AT_ONCE):
        items = [PLAN | {"meta": {"number": number, "sample": "x" * 100}} for number in range(first, first + AT_ONCE)]
        manager.requester.ask("queue_item_add_batch", timeout_s=60, items=items, **USER)
    assert manager.requester.status()["items_in_queue"] == ITEMS
    manager.terminate()
    asyncio.run(append_events(data))
    write_history(data / DATABASE_FILE, HISTORY)


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


def measure_adds(asker):
    """Return how long adds take, in seconds; the queue stays as long as it is."""
    asker.must("queue_item_remove", pos="back")
    adds = []
    for _ in range(50):
        begin = time.monotonic()
        asker.must("queue_item_add", item=PLAN, user=USER["user"], user_group=USER["user_group"])
        adds.append(time.monotonic() - begin)
        asker.must("queue_item_remove", pos="front")
    return adds


def check_answers(manager, figure):
    """Measure answers while the history is examined, and read the newest part of it."""
    with asking(manager.ready["control"]) as asker:
        status = asker.must("status")
        assert (status["items_in_queue"], status["items_in_history"]) == (ITEMS, HISTORY)
        statuses = p99(measure_status(asker, 3))
        adds = p99(measure_adds(asker))
        entries = asker.must("history_get")["items"]
    assert [entry["item_uid"] for entry in entries[:: NEWEST - 1]] == [
        f"history-{HISTORY - NEWEST + 1:08d}",
        f"history-{HISTORY:08d}",
    ]
    figure("their status p99, ms", STATUS_MS, f"{statuses:.1f}")
    figure("their add p99, ms", ADD_MS, f"{adds:.1f}")
    assert statuses <= STATUS_AT_MOST_MS
    assert adds <= ADD_AT_MOST_MS


def check_long_start(directory, figure):
    """Start a manager on long data, and measure how soon it serves and how it answers."""
    fill(directory / "data")
    # Everything that a supervisor starts is loaded in this time too.
    began = time.monotonic()
    manager = Manager(directory / "data")
    try:
        assert manager.wait_ready(60), manager.log_end()
        took_s = time.monotonic() - began
        computed_s = computing_seconds(manager.process.pid)
        figure(
            f"start with {ITEMS:,} items, as many events, {HISTORY:,} entries in the history, s",
            START_S,
            f"{took_s:.1f}",
        )
        figure("of that computing, s", START_S, f"{computed_s:.1f}")
        check_answers(manager, figure)
    finally:
        manager.kill()
    assert manager.errors() == ""
    assert manager.log().count(DAMAGED) == 0
    assert took_s <= START_AT_MOST_S
    assert computed_s <= START_S


@pytest.mark.timeout(300)
def test_a_manager_with_a_long_queue_is_soon_back(directory, figure):
    check_long_start(directory, figure)


@pytest.mark.night
@pytest.mark.fault("R5")
@pytest.mark.timeout(1800)
def test_a_manager_with_the_longest_queue_and_history_is_soon_back(directory, figure):
    check_long_start(directory, figure)


def test_damage_to_an_old_entry_is_told_soon_after_the_start(directory):
    data = directory / "data"
    Manager(data, forks=True).must_be_ready().terminate()
    write_history(data / DATABASE_FILE, HISTORY_OF_DAMAGE)
    with closing(sqlite3.connect(data / DATABASE_FILE, isolation_level=None)) as stock:
        stock.execute("UPDATE items SET result = '{}' WHERE number = 7")
    manager = Manager(data, forks=True).must_be_ready()
    try:
        told = wait_for_text(directory / "data.log", "row history-00000007 of table items", 60)
        assert "cuelight restore --data" in told
        with asking(manager.ready["control"]) as asker:
            newest = asker.must("history_get", limit=5)["items"]
            assert newest[-1]["item_uid"] == f"history-{HISTORY_OF_DAMAGE:08d}"
            reply = asker.ask("history_get", limit=5, before=10)
            assert reply is not None
            assert not reply["success"]
            assert "checksum does not match" in reply["msg"]
    finally:
        manager.kill()
