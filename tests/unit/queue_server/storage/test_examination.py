"""What a start has not looked at is examined while others write: every table, its indexes and all of its rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from queue_server.clock import Chance, ManualClock, SystemClock
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import BACK, Item, Result, Run
from queue_server.storage import integrity
from queue_server.storage.base import StoredReply
from queue_server.storage.examination import ROWS_AT_ONCE, Examination
from queue_server.storage.integrity import find_faults_at_start, open_reader
from queue_server.storage.sqlite import open_sqlite

FINISHED = ROWS_AT_ONCE + 20
EVENTS = 3 * ROWS_AT_ONCE


def fill(tx):
    """Write rows of every kind, more than are looked at in one go."""
    for number in range(FINISHED):
        tx.insert([Item(f"old{number}", "default", f"s{number}", {"name": "count", "text": "x" * 200})], BACK)
        attempt = tx.claim_next("default", 1, 1.0).attempt
        tx.open_run(attempt, Run(f"run{number}", number, True, None))
        tx.close_run(attempt, f"run{number}", "success")
        tx.finish(attempt, Result("completed", time_start=1.0, time_stop=2.0))
    for number in range(EVENTS):
        tx.append_event(EventRecord("added", 1.0, 1, undo="{}" if number % 2 else ""))
    tx.insert([Item(f"new{number}", "default", f"n{number}", {"name": "count"}) for number in range(9)], BACK)
    tx.store_reply("key", StoredReply(b"digest", b"reply"), 1.0)
    tx.save("core", b"{}")


@pytest.fixture
async def store(tmp_path):
    opened = open_sqlite(tmp_path / "data", clock=ManualClock(), chance=Chance.seeded(3))
    await opened.transact(fill)
    yield opened
    await opened.close()


@pytest.fixture
def file(store, tmp_path):
    return tmp_path / "data" / "queue.sqlite"


def change(file, *statements):
    """Change a database as no manager does."""
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        for text in statements:
            stock.execute(text).fetchall()


def examine_all(file):
    """Return what an examination of all of a file finds."""
    examination = Examination(file, SystemClock(), larger_than=0)
    examination.begin()
    examination.wait()
    examination.stop()
    return examination.faults


def find_at_start(file):
    """Return what a start finds of a large database."""
    with closing(open_reader(file)) as reader:
        return list(find_faults_at_start(reader))


def test_a_whole_database_has_no_faults(file, caplog):
    caplog.set_level("INFO")
    assert examine_all(file) == []
    assert find_at_start(file) == []
    assert "nothing is damaged" in caplog.text


def test_a_small_database_was_seen_by_the_start(file):
    examination = Examination(file, SystemClock())
    examination.begin()
    examination.stop()
    assert examination.faults == []


@pytest.mark.parametrize("number", [0, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, FINISHED - 1])
def test_a_damaged_row_of_the_history_is_told_with_what_to_do(number, file, caplog):
    change(file, f"UPDATE items SET result = '{{}}' WHERE uid = 'old{number}'")
    [fault] = examine_all(file)
    assert f"row old{number} of table items" in fault
    assert "Restore a backup while no manager runs: cuelight restore" in caplog.text
    assert caplog.records[0].levelname == "ERROR"


ROWS = {
    "attempts": "UPDATE attempts SET time_start = 7 WHERE item_uid = 'old3'",
    "runs": "UPDATE runs SET scan_id = 7777 WHERE uid = 'run4'",
    "replies": "UPDATE replies SET reply = x'00'",
    "events": "DROP TRIGGER events_stay_as_written; UPDATE events SET kind = 'other' WHERE seq = 500",
    "edits": "DROP TRIGGER edits_stay_as_written; UPDATE edits SET undo = '{ }' WHERE seq = 2",
}


@pytest.mark.parametrize("table", ROWS)
def test_a_damaged_row_of_any_record_is_told(table, file):
    change(file, *ROWS[table].split(";"))
    [fault] = examine_all(file)
    assert f"of table {table}" in fault


def test_damage_in_several_tables_is_told_of_each(file):
    change(file, *ROWS["runs"].split(";"), *ROWS["attempts"].split(";"))
    assert len(examine_all(file)) == 2


def test_an_index_that_lacks_rows_is_told(file):
    change(
        file,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX items_of_submission ON items (uid)' "
        "WHERE name = 'items_of_submission'",
    )
    faults = examine_all(file)
    assert any("items_of_submission" in fault for fault in faults)


async def test_a_page_of_noise_in_the_history_is_told_and_the_rest_is_examined(store, file):
    await store.close()
    # Only the row has the uid beside its content; in an index it stands without.
    page = file.read_bytes().index(b'old100defaults100finished{"name"') // 4096
    with file.open("r+b") as opened:
        opened.seek(page * 4096)
        opened.write(bytes(range(256)) * 16)
    change(file, *ROWS["runs"].split(";"))
    faults = examine_all(file)
    assert any("row 4 " in fault or "of table runs" in fault for fault in faults)
    assert len(faults) >= 2


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE items SET content = '{}' WHERE uid = 'new4'",
        "UPDATE documents SET value = x'00'",
        "UPDATE meta SET created = 5",
        f"UPDATE items SET result = '{{}}' WHERE uid = 'old{FINISHED - 1}'",
    ],
)
def test_a_start_finds_damage_to_what_it_needs_and_to_the_newest_entries(text, file):
    change(file, text)
    assert len(find_at_start(file)) == 1


async def test_a_start_finds_damage_to_what_runs(store, file):
    await store.transact(lambda tx: tx.claim_next("default", 1, 1.0))
    change(
        file,
        "UPDATE items SET reason = 'x' WHERE uid = 'new0'",
        "UPDATE attempts SET epoch = 2 WHERE item_uid = 'new0'",
    )
    faults = find_at_start(file)
    assert [fault.split(" of table ")[1].split()[0] for fault in faults] == ["items", "attempts"]


def test_a_start_leaves_the_old_history_to_the_examination(file, monkeypatch):
    monkeypatch.setattr(integrity, "_NEWEST_OF_MANY", 10)
    change(file, "UPDATE items SET result = '{}' WHERE uid = 'old0'")
    assert find_at_start(file) == []
    assert len(examine_all(file)) == 1


def test_a_start_refuses_a_schema_that_is_not_its_own_before_it_uses_it(file):
    change(file, "DROP INDEX items_in_order")
    [fault] = find_at_start(file)
    assert "items_in_order" in fault


async def test_an_examination_goes_on_beside_changes_and_ends_when_it_is_told_to(store, file):
    examination = Examination(file, SystemClock(), larger_than=0)
    examination.begin()
    await store.transact(lambda tx: tx.insert([Item("later", "default", "later", {})], BACK))
    examination.stop()
    assert examination.faults == []
    assert await store.transact(lambda tx: tx.item("later")) is not None


def test_a_file_that_is_no_database_any_more_is_told(file, tmp_path):
    (tmp_path / "other.sqlite").write_bytes(b"any text, long enough for a header " * 300)
    faults = examine_all(tmp_path / "other.sqlite")
    assert faults
    assert all("damaged" in fault for fault in faults)
