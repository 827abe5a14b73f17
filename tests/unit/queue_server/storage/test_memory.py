"""The store in memory beyond the contract: a restart without a process."""

from __future__ import annotations

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import StorageError
from queue_server.protocol.items import BACK, Item
from queue_server.storage.memory import open_memory


@pytest.fixture
def store():
    return open_memory(clock=ManualClock(), chance=Chance.seeded(1))


async def test_a_reopened_store_has_the_same_rows_in_the_next_epoch(store):
    await store.transact(lambda tx: tx.insert([Item("a", "default", "s", {})], BACK))
    again = store.reopen()
    assert (again.epoch, again.instance_id) == (2, store.instance_id)
    assert await again.transact(lambda tx: tx.count_queue("default")) == 1


async def test_the_store_before_is_closed_by_reopening(store):
    store.reopen()
    with pytest.raises(StorageError, match="closed"):
        await store.transact(lambda tx: None)


def test_two_stores_have_two_identities():
    chance = Chance.seeded(1)
    first, second = (open_memory(clock=ManualClock(), chance=chance) for _ in range(2))
    assert first.instance_id != second.instance_id
