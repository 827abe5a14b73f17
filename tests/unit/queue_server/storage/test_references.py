"""Every id of an artifact that stands anywhere in the stored data is found, whatever table it stands in."""

from __future__ import annotations

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import StorageError
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import BACK, Item
from queue_server.protocol.submissions import AttemptResult, ResultFile, Submission
from queue_server.storage import references
from queue_server.storage.base import StoredReply
from queue_server.storage.references import References
from queue_server.storage.sqlite import open_sqlite
from tests.faults.places import place_in_memory


def sha(number):
    return f"{number:064x}"


@pytest.fixture
async def stored():
    """A store on disk, and how to search it."""
    with place_in_memory() as place:
        store = open_sqlite(place, clock=ManualClock(), chance=Chance.seeded(1))
        yield store, References(place / "queue.sqlite", ManualClock())
        await store.close()


async def test_ids_are_found_in_rows_of_every_kind(stored):
    store, found = stored

    def write(tx):
        content = {"item_type": "dag", "name": "x", "kwargs": {"a": [sha(1), sha(2)]}}
        tx.insert([Item("i", "default", "i", content)], BACK)
        tx.add_submissions([Submission("i", "default", "ada", 1.0)])
        file = ResultFile("0" * 32, "f", sha(3), 1, "text/csv", 1.0)
        tx.add_result(AttemptResult("i", 1, "i", "completed", 1.0, 2.0, files=(file,)))
        tx.save("document", f'{{"a": "{sha(4)}"}}'.encode())
        tx.append_event(EventRecord("kind", 1.0, 1, "default", data={"a": sha(5)}))

    await store.transact(write)
    assert found.find() == {sha(number) for number in range(1, 6)}


async def test_bytes_that_are_no_text_are_searched_too(stored):
    store, found = stored
    await store.transact(lambda tx: tx.store_reply("k", StoredReply(b"\xac\x00" * 16, sha(6).encode() + b"\xff"), 1.0))
    await store.transact(lambda tx: tx.save("document", b"\x00\xff" + sha(7).encode()))
    assert found.find() == {sha(6), sha(7)}


async def test_what_is_no_id_of_an_artifact_is_none(stored):
    store, found = stored
    data = {"longer": sha(1) + "0", "shorter": sha(1)[1:], "large": "ABCDEF" + sha(1)[6:]}
    await store.transact(lambda tx: tx.append_event(EventRecord("kind", 1.0, 1, "default", data=data)))
    assert found.find() == set()


async def test_a_large_table_is_read_in_parts(stored):
    store, found = stored
    count = references.ROWS_AT_ONCE + 3

    def write(tx):
        for number in range(count):
            tx.append_event(EventRecord("kind", 1.0, 1, "default", data={"a": sha(number)}))

    await store.transact(write)
    assert len(found.find()) == count


async def test_a_search_can_be_stopped(stored):
    store, found = stored
    await store.transact(lambda tx: tx.append_event(EventRecord("kind", 1.0, 1, "default")))
    found.stop()
    with pytest.raises(StorageError, match="stopped"):
        found.find()
