"""Checksums of rows: right after every change, and a row that was changed behind their back is named."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import StorageError
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import BACK, FRONT, Item, Result, Run
from queue_server.protocol.tasks import Task, TaskResult
from queue_server.storage.base import StoredReply
from queue_server.storage.checksums import Checksums, DamagedRecordError, DamagedRowError, row_sum
from queue_server.storage.directory import DATABASE_FILE
from queue_server.storage.integrity import examine, find_faults, open_reader
from queue_server.storage.sqlite import open_sqlite
from tests.faults.workload import Operation

SEED = 77
OPERATIONS = 400


@pytest.fixture
def reopen(tmp_path):
    def start():
        return open_sqlite(tmp_path / "data", clock=ManualClock(), chance=Chance.seeded(3))

    return start


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / DATABASE_FILE


def _fill(tx):
    items = [Item(f"i{number}", "default", f"s{number}", {"name": "count", "md": "é\0😀"}) for number in range(4)]
    tx.insert(items, BACK)
    done = tx.claim_next("default", 1, 5).attempt
    tx.finish(done, Result("completed", 5, 6))
    running = tx.claim_next("default", 1, -0.0).attempt
    tx.open_run(running, Run("run", 3))
    tx.append_event(EventRecord("added", 7, 1, data={"item_uid": "i0"}))
    tx.save("core", b"\0\1")
    tx.store_reply("key", StoredReply(b"digest", b"reply"), 8)
    tx.start_task(Task("task", "default", "function", True, 9))


@pytest.fixture
async def closed(reopen, file):
    """The file of a store in which every table has rows."""
    store = reopen()
    await store.transact(_fill)
    await store.close()
    return file


def _change(file, text):
    """Change a row with a program that knows nothing of checksums."""
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        stock.executescript(text)


def test_a_checksum_has_8_bytes_and_tells_types_and_places_apart():
    sums = [
        row_sum("t", *values)
        for values in [(1, "a"), ("1", "a"), (1.5, "a"), (b"1", "a"), ("a", 1), ("a", None), ("a", "")]
    ]
    assert len({*sums, row_sum("u", 1, "a")}) == len(sums) + 1
    assert all(-(1 << 63) <= each < 1 << 63 for each in sums)


def test_the_sum_of_a_changed_row_is_that_of_a_new_one_and_refuses_what_was_damaged():
    sums = Checksums("/data/queue.sqlite")
    old = row_sum("items", "i", "queued")
    assert sums.next_sum("items", old, "i", "queued", "i", "held") == row_sum("items", "i", "held")
    with pytest.raises(DamagedRowError, match=r"row i of table items in /data/queue\.sqlite.*restore --data /data"):
        sums.next_sum("items", old, "i", "helt", "i", "held")


async def test_every_row_has_its_checksum_whatever_was_done(reopen, file):
    """The reader sums every row of every table anew, as it is stored."""
    store = reopen()
    await store.transact(_fill)
    await store.transact(lambda tx: tx.finish_task("task", TaskResult(True, "", "", 9, 10)))
    await store.close()
    file.unlink()
    (file.parent / "instance").unlink()
    store = reopen()
    for number in range(1, OPERATIONS):
        await store.transact(Operation(SEED, number, store.epoch))
        if number % 25 == 0:
            assert examine(file)[1] == []
    await store.close()
    assert examine(file)[1] == []


CHANGE_EVENT = """
DROP TRIGGER events_stay_as_written;
UPDATE events SET kind = 'adder';
CREATE TRIGGER events_stay_as_written BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END;
"""
DAMAGE = {
    "the content of an item": ("UPDATE items SET content = replace(content, 'count', 'cound') WHERE uid = 'i2'", "i2"),
    "the lane of an item": ("UPDATE items SET lane = 'defaulu' WHERE uid = 'i2'", "i2"),
    "the order of the queue": ("UPDATE items SET position = position + 10 * 16777216 WHERE uid = 'i2'", "i2"),
    "the state of an item": ("UPDATE items SET state = 'held' WHERE uid = 'i2'", "i2"),
    "the attempt of an item": ("UPDATE items SET attempt = 3 WHERE uid = 'i2'", "i2"),
    "the result of an item": ("UPDATE items SET result = '{}' WHERE uid = 'i0'", "i0"),
    "an attempt": ("UPDATE attempts SET epoch = 3 WHERE submission = 's1'", "s1 / 1"),
    "a run": ("UPDATE runs SET uid = 'rum'", "rum"),
    "the name of a document": ("UPDATE documents SET name = 'cord'", "cord"),
    "an event": (CHANGE_EVENT, "row 1 of table events"),
    "a document": ("UPDATE documents SET value = x'0002'", "core"),
    "a reply": ("UPDATE replies SET reply = x'00'", "key"),
    "a task": ("UPDATE tasks SET lane = 'other'", "task"),
    "the epoch": ("UPDATE meta SET epoch = 9", "table meta"),
    "a checksum": ("UPDATE items SET checksum = checksum + 1 WHERE uid = 'i3'", "i3"),
}


@pytest.mark.parametrize("what", DAMAGE)
async def test_a_damaged_row_is_named_and_the_store_is_not_opened(what, closed, reopen):
    text, named = DAMAGE[what]
    _change(closed, text)
    before = closed.read_bytes()
    with pytest.raises(StorageError, match="is damaged") as caught:
        reopen()
    assert caught.value.code == "storage_damaged"
    assert named in str(caught.value)
    assert f"cuelight restore --data {closed.parent}" in str(caught.value)
    assert closed.read_bytes() == before


async def test_the_mark_of_an_orderly_end_may_be_set_by_another_program(closed):
    _change(closed, "UPDATE meta SET closed = 0")
    assert examine(closed)[1] == []


async def test_a_changed_rule_of_the_schema_is_found(closed, reopen):
    with closing(sqlite3.connect(closed, isolation_level=None)) as stock:
        stock.execute("DROP TRIGGER attempts_end_once")
    with pytest.raises(StorageError, match="schema of attempts_end_once is not that of version"):
        reopen()


async def _damaged_while_open(reopen, file, text):
    """A store on a file that is damaged behind its back, so that nothing of it was found at the start."""
    store = reopen()
    await store.transact(_fill)
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        stock.execute(text)
    return store


@pytest.mark.parametrize(
    ("text", "work"),
    [
        ("UPDATE items SET content = '{}' WHERE uid = 'i2'", lambda tx: tx.queue("default")),
        ("UPDATE items SET reason = 'why' WHERE uid = 'i2'", lambda tx: tx.shown_queue("default")),
        ("UPDATE items SET content = '{}' WHERE uid = 'i2'", lambda tx: tx.item_at("default", 0)),
        ("UPDATE items SET content = '{}' WHERE uid = 'i2'", lambda tx: tx.item("i2")),
        ("UPDATE items SET content = '{}' WHERE uid = 'i2'", lambda tx: tx.move("i2", FRONT)),
        ("UPDATE items SET content = '{}' WHERE uid = 'i2'", lambda tx: tx.set_held("i2", "why")),
        ("UPDATE items SET content = '{}' WHERE uid = 'i1'", lambda tx: tx.running()),
        ("UPDATE attempts SET time_start = 3 WHERE item_uid = 'i1'", lambda tx: tx.running()),
        ("UPDATE documents SET value = x'00'", lambda tx: tx.load("core")),
        ("UPDATE replies SET reply = x'00'", lambda tx: tx.stored_reply("key")),
        ("UPDATE tasks SET lane = 'other'", lambda tx: tx.running_tasks()),
        ("UPDATE runs SET scan_id = 4", lambda tx: tx.running()),
    ],
)
async def test_what_is_damaged_while_the_store_is_open_is_found_when_it_is_read(text, work, reopen, file):
    store = await _damaged_while_open(reopen, file, text)
    with pytest.raises(DamagedRowError, match="checksum does not match"):
        await store.transact(work)
    await store.close()


async def test_a_damaged_record_is_refused_to_its_reader_alone(reopen, file):
    store = await _damaged_while_open(reopen, file, "UPDATE items SET result = '{}' WHERE uid = 'i0'")
    with pytest.raises(DamagedRecordError, match=r"row i0 of table items"):
        await store.transact(lambda tx: tx.history())
    with pytest.raises(DamagedRecordError, match=r"row i0 of table items"):
        await store.transact(lambda tx: tx.shown_history())

    def go_on(tx):
        with pytest.raises(DamagedRecordError):
            tx.item("i0")
        tx.insert([Item("later", "default", "later", {})], BACK)

    await store.transact(go_on)
    assert await store.transact(lambda tx: tx.item("later")) is not None
    await store.close()


async def test_the_newest_rows_are_enough_for_a_start(closed):
    _change(closed, "UPDATE items SET result = '{}' WHERE uid = 'i0'")
    reader = open_reader(closed)
    assert list(find_faults(reader, newest=0)) == []
    assert len(list(find_faults(reader, newest=1))) == 1
    reader.close()


async def test_a_reader_changes_nothing(closed, tmp_path):
    before = closed.read_bytes()
    shutil.copy2(closed, tmp_path / "alone.sqlite")
    assert examine(tmp_path / "alone.sqlite")[1] == []
    assert examine(closed)[1] == []
    assert closed.read_bytes() == before
