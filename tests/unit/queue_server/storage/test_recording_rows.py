"""The index of recorded runs on disk: the schema refuses illegal rows, checksums name damaged ones, backups have it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from queue_server.clock import ManualClock, SystemClock
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.recordings import RecordedRun, RunEnd, RunFilter
from queue_server.storage.backup import back_up
from queue_server.storage.checksums import DamagedRecordError
from queue_server.storage.directory import DataDirectory
from queue_server.storage.examination import Examination
from queue_server.storage.integrity import examine
from queue_server.storage.migrate import read_migrations
from queue_server.storage.restoration import restore
from tests.doubles.stored_items import add_item, uids_in

KEY = AttemptKey("item-1", "s-1", "default", 1, 1)
OPEN = RecordedRun("a", KEY, 100.0, scan_id=7, plan_name="scan", file="runs/1970-01/a.jsonl")
ENDED = RecordedRun("b", KEY, 50, file="runs/1970-01/b.jsonl", host="far")
END = RunEnd("success", 105, {"primary": 3})


def record(tx):
    """Write a run that is open and one that has ended."""
    tx.open_recording(OPEN)
    tx.open_recording(ENDED)
    tx.close_recording("b", KEY, END)


@pytest.fixture
async def filled(store):
    """A store with two runs."""
    await store.transact(record)
    return store


def change(file, *statements):
    """Change a database as no manager does."""
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        for text in statements:
            stock.execute(text)


ROW = "INSERT INTO recordings SELECT 9, {uid}, submission, attempt, item_uid, lane, epoch, scan_id, plan_name, {file}, "
ROW += "host, time_start, {stop}, {status}, num_events, 0 FROM recordings WHERE uid = 'a'"
ILLEGAL = {
    "a run without a uid": ROW.format(uid="''", file="file", stop="NULL", status="NULL"),
    "the same run a second time": ROW.format(uid="uid", file="file", stop="NULL", status="NULL"),
    "an end without a time": ROW.format(uid="'c'", file="file", stop="NULL", status="'success'"),
    "a time of the end without one": ROW.format(uid="'c'", file="file", stop="5.0", status="NULL"),
    "another end": "UPDATE recordings SET exit_status = 'fail' WHERE uid = 'b'",
    "an end that is taken back": "UPDATE recordings SET exit_status = NULL, time_stop = NULL WHERE uid = 'b'",
    "another file": "UPDATE recordings SET file = 'x', exit_status = 'fail', time_stop = 1.0 WHERE uid = 'a'",
    "another uid": "UPDATE recordings SET uid = 'x', exit_status = 'fail', time_stop = 1.0 WHERE uid = 'a'",
    "another place": "UPDATE recordings SET place = 9, exit_status = 'fail', time_stop = 1.0 WHERE uid = 'a'",
}


@pytest.mark.parametrize("what", ILLEGAL)
async def test_the_schema_refuses(what, filled, file):
    with closing(sqlite3.connect(file, isolation_level=None)) as stock, pytest.raises(sqlite3.IntegrityError):
        stock.execute(ILLEGAL[what])
    assert examine(file)[1] == []


async def test_rows_have_the_right_checksums(filled, file):
    await filled.transact(lambda tx: tx.close_recording("a", KEY, END))
    assert examine(file)[1] == []


async def test_a_damaged_run_is_named_by_every_examination_and_refused_to_its_reader_alone(filled, file):
    change(file, "DROP TRIGGER recordings_end_once", "UPDATE recordings SET plan_name = 'other' WHERE uid = 'a'")
    faults = examine(file)[1]
    assert any("of table recordings" in fault for fault in faults)
    examination = Examination(file, SystemClock(), larger_than=0)
    examination.begin()
    examination.wait()
    examination.stop()
    assert any("of table recordings" in fault for fault in examination.faults)
    for work in (
        lambda tx: tx.recording("a"),
        lambda tx: tx.find_recordings(RunFilter(), limit=10),
        lambda tx: tx.close_recording("a", KEY, END),
    ):
        with pytest.raises(DamagedRecordError, match="of table recordings"):
            await filled.transact(work)
    assert (await filled.transact(lambda tx: tx.recording("b"))).host == "far"
    await filled.transact(add_item("a"))
    assert await uids_in(filled) == ["a"]


async def test_runs_come_back_with_a_backup_and_after_the_end_of_a_manager(filled, data, file, backups, reopen):
    back_up(file, backups, keep=1)
    await filled.transact(lambda tx: tx.close_recording("a", KEY, END))
    await filled.close()
    again = reopen()
    assert (await again.transact(lambda tx: tx.recording("a"))).end == END
    await again.close()
    restore(DataDirectory(data), None, clock=ManualClock())
    again = reopen()
    assert (await again.transact(lambda tx: tx.recording("a"))).end is None
    assert (await again.transact(lambda tx: tx.recording("b"))).end == END
    await again.close()


def test_the_table_comes_with_the_tenth_migration():
    made = [each.name for each in read_migrations() if "CREATE TABLE recordings" in each.script]
    assert made == ["0010_recordings"]
