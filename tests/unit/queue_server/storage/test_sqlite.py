"""The store on SQLite beyond the contract: what survives, in which thread it works, and how it is left."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from contextlib import closing

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import ConflictError, StorageError
from queue_server.protocol.items import BACK, Item, Place, Result
from queue_server.storage.directory import DATABASE_FILE
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.stored_items import uids_in

LOG_FILE = f"{DATABASE_FILE}-wal"


@pytest.fixture
def reopen(tmp_path):
    """Open the same directory."""
    clock = ManualClock()

    def start():
        clock.advance(10)
        return open_sqlite(tmp_path / "data", clock=clock, chance=Chance.seeded(3))

    return start


def _item(uid):
    return Item(uid, "default", f"s-{uid}", {"name": "count"})


async def test_what_was_committed_is_there_in_the_next_epoch(reopen):
    first = reopen()
    await first.transact(lambda tx: tx.insert([_item("a"), _item("b")], BACK))
    await first.close()
    second = reopen()
    assert (first.epoch, second.epoch) == (1, 2)
    assert second.instance_id == first.instance_id
    assert await uids_in(second) == ["a", "b"]
    await second.close()


async def test_all_work_is_done_in_one_thread_of_the_store(store):
    threads = {await store.transact(lambda tx: threading.get_ident()) for _ in range(5)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


async def test_the_event_loop_runs_on_while_the_store_works(store):
    gate = threading.Event()
    working = asyncio.ensure_future(store.transact(lambda tx: gate.wait(5)))
    await asyncio.wait([working], timeout=0)
    assert not working.done()
    gate.set()
    assert await working


async def test_a_transaction_whose_caller_was_cancelled_is_committed_before_the_store_closes(reopen):
    store, gate = reopen(), threading.Event()

    def work(tx):
        gate.wait(5)
        tx.insert([_item("a")], BACK)

    waiting = asyncio.ensure_future(store.transact(work))
    await asyncio.wait([waiting], timeout=0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    closing_down = asyncio.ensure_future(store.close())
    gate.set()
    await closing_down
    again = reopen()
    assert await uids_in(again) == ["a"]
    await again.close()


async def test_a_store_closes_in_order_with_a_checkpoint_still_to_be_made(reopen, tmp_path):
    store = reopen()
    working = asyncio.ensure_future(store.transact(lambda tx: tx.save("large", bytes(5 * 1024 * 1024))))
    await asyncio.wait([working], timeout=0)
    await store.close()
    await working
    assert not (tmp_path / "data" / LOG_FILE).exists()


async def test_what_only_the_schema_refuses_is_a_conflict_too(store):
    with pytest.raises(ConflictError, match="contradicts"):
        await store.transact(lambda tx: tx.insert([Item("a", "default", "s", {}, attempt=-1)], BACK))
    assert await uids_in(store) == []


async def test_a_closed_store_leaves_one_whole_file_and_no_log(reopen, tmp_path):
    store = reopen()
    await store.transact(lambda tx: tx.insert([_item("a")], BACK))
    assert (tmp_path / "data" / LOG_FILE).exists()
    await store.close()
    assert not (tmp_path / "data" / LOG_FILE).exists()
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE_FILE)) as stock:
        assert stock.execute("SELECT uid, state FROM items").fetchall() == [("a", "queued")]
        assert stock.execute("SELECT epoch, created, opened, closed FROM meta").fetchall() == [
            (1, ManualClock().wall_offset_s + 10, ManualClock().wall_offset_s + 10, 1)
        ]


async def test_a_store_in_use_says_so_in_its_main_file(store, tmp_path):
    """Whoever copies the main file without the log gets a copy that is refused, not an older state."""
    address = f"file:{tmp_path / 'data' / DATABASE_FILE}?immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as stock:
        assert stock.execute("SELECT epoch, closed FROM meta").fetchall() == [(1, 0)]


async def test_a_reader_beside_the_store_does_not_keep_it_from_closing_in_order(reopen, tmp_path):
    store = reopen()
    await store.transact(lambda tx: tx.insert([_item("a")], BACK))
    script = """
import sqlite3, sys
reader = sqlite3.connect(sys.argv[1], isolation_level=None)
reader.execute("BEGIN")
print(reader.execute("SELECT count(*) FROM items").fetchone()[0], flush=True)
sys.stdin.read()
"""
    reader = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(tmp_path / "data" / DATABASE_FILE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert reader.stdout is not None
    assert await reader.stdout.readline() == b"1\n"
    await store.transact(lambda tx: tx.insert([_item("b")], BACK))
    await store.close()
    await reader.communicate(b"")
    again = reopen()
    assert await uids_in(again) == ["a", "b"]
    await again.close()


async def test_a_lane_is_numbered_anew_as_often_as_needed(store):
    """Each insertion halves the gap; after some twenty there is none left."""
    await store.transact(lambda tx: tx.insert([_item("first"), _item("last")], BACK))

    def work(tx):
        for number in range(500):
            tx.insert([_item(f"n{number:03}")], Place(before_uid="last"))

    await store.transact(work)
    assert await uids_in(store) == ["first", *(f"n{number:03}" for number in range(500)), "last"]


async def test_a_batch_that_is_larger_than_a_gap_finds_a_place(store):
    await store.transact(lambda tx: tx.insert([_item("first"), _item("last")], BACK))

    def work(tx):
        for number in range(20):
            tx.insert([_item(f"n{number:02}")], Place(after_uid="first"))
        tx.insert([_item(f"b{number:03}") for number in range(300)], Place(after_uid="first"))

    await store.transact(work)
    assert (await uids_in(store))[:301] == ["first", *(f"b{number:03}" for number in range(300))]


async def test_items_at_the_front_and_at_the_back_never_meet(store):
    def work(tx):
        for number in range(50):
            tx.insert([_item(f"f{number:02}")], Place("front"))
            tx.insert([_item(f"b{number:02}")], Place("back"))
            tx.move(f"b{number:02}", Place("front"))
            tx.move(f"b{number:02}", Place("back"))

    await store.transact(work)
    expected = [f"f{n:02}" for n in reversed(range(50))] + [f"b{n:02}" for n in range(50)]
    assert await uids_in(store) == expected


async def test_attempts_do_not_pile_up_when_the_history_is_trimmed(reopen, tmp_path):
    """A loop of one submission without end keeps one attempt, and what is forgotten keeps none."""
    store = reopen()

    def work(tx):
        for number in range(30):
            tx.insert([Item(f"i{number}", "default", "loop" if number % 2 else f"s{number}", {})], BACK)
            tx.finish(tx.claim_next("default", 1, 1.0).attempt, Result("completed", 1.0, 2.0))
        tx.insert([Item("next", "default", "loop", {})], BACK)
        tx.trim_history(0)

    await store.transact(work)
    await store.close()
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE_FILE)) as stock:
        assert stock.execute("SELECT submission, number FROM attempts").fetchall() == [("loop", 15)]


async def test_a_failed_opening_frees_the_directory(reopen, tmp_path):
    await reopen().close()
    kept = (tmp_path / "data" / "instance").read_text()
    (tmp_path / "data" / "instance").write_text("damaged")
    with pytest.raises(StorageError):
        reopen()
    (tmp_path / "data" / "instance").write_text(kept)
    store = reopen()
    assert store.epoch == 2
    await store.close()
