"""Reading all of a long history holds up nobody: it is read and encoded in parts."""

from __future__ import annotations

import asyncio
import time

import pytest

from queue_server.clock import Chance, SystemClock
from queue_server.protocol.items import BACK, Item, Result
from queue_server.storage.sqlite import open_sqlite
from tests.faults.askers import asking, p99
from tests.faults.tiers import SLACK
from tests.processes.lone import Manager

ENTRIES = 8_000
MOST_STATUS_MS = 100
MOST_ADD_MS = 1_000


async def fill_history(data):
    """Put items into the history as they get there: added, started and finished."""
    store = open_sqlite(data, clock=SystemClock(), chance=Chance())
    text = "x" * 500

    def fill(tx, first):
        items = [
            Item(
                f"u{number}", "default", f"s{number}", {"item_type": "plan", "name": "quick", "item_uid": f"u{number}"}
            )
            for number in range(first, first + 1000)
        ]
        tx.insert(items, BACK)
        for _ in items:
            attempt = tx.claim_next("default", 1, 1.0).attempt
            tx.finish(attempt, Result("completed", time_start=1.0, time_stop=2.0, message=text))

    for first in range(0, ENTRIES, 1000):
        await store.transact(lambda tx, first=first: fill(tx, first))
    await store.close()


@pytest.fixture
def manager(directory):
    """A manager with a long history."""
    asyncio.run(fill_history(directory / "data"))
    manager = Manager(directory / "data", forks=True)
    assert manager.wait_ready(), manager.log_end()
    yield manager
    assert "Traceback" not in manager.log()
    manager.kill()


def test_reading_the_whole_history_holds_up_neither_status_nor_changes(manager, figure):
    control = manager.ready["control"]
    with asking(control) as reader, asking(control) as asker:
        asker.must("status")
        begin = time.monotonic()
        reader.post("history_get")
        statuses, changes = [], []
        while not reader.socket.poll(0):
            assert time.monotonic() < begin + 60
            started = time.perf_counter()
            asker.must("status")
            statuses.append(time.perf_counter() - started)
            started = time.perf_counter()
            assert asker.must("queue_mode_set", mode={"loop": False})["success"]
            changes.append(time.perf_counter() - started)
        seconds = time.monotonic() - begin
        reply = reader.receive()
    assert reply is not None, "the history was not sent"
    assert [item["item_uid"] for item in reply["items"]] == [f"u{number}" for number in range(ENTRIES)]
    assert set(reply) == {"success", "msg", "items", "plan_history_uid"}
    figure(
        f"status p99 while {ENTRIES:,} entries are read in {seconds:.1f} s, ms", MOST_STATUS_MS, f"{p99(statuses):.1f}"
    )
    figure("change p99 meanwhile, ms", MOST_ADD_MS, f"{p99(changes):.1f}")
    assert p99(statuses) <= SLACK * MOST_STATUS_MS
    assert p99(changes) <= SLACK * MOST_ADD_MS


def test_the_setting_says_how_much_of_it_a_client_gets_that_asks_for_everything(manager):
    manager.kill()
    manager = Manager(manager.data, forks=True, max_history_items=1_200)
    assert manager.wait_ready()
    with asking(manager.ready["control"]) as asker:
        reply = asker.must("history_get")
        assert [item["item_uid"] for item in reply["items"]] == [f"u{n}" for n in range(ENTRIES - 1_200, ENTRIES)]
        older = asker.must("history_get", before=reply["before"], limit=700)
        assert older["items"][-1]["item_uid"] == f"u{ENTRIES - 1_201}"
        assert len(older["items"]) == 700
    manager.kill()
