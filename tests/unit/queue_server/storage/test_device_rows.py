"""Registered devices on disk: the schema refuses illegal ones, checksums name damaged ones, and backups have them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from msgspec.structs import replace

from queue_server.clock import ManualClock, SystemClock
from queue_server.storage.backup import back_up
from queue_server.storage.checksums import DamagedRecordError
from queue_server.storage.directory import DataDirectory
from queue_server.storage.examination import Examination
from queue_server.storage.integrity import examine
from queue_server.storage.migrate import read_migrations
from queue_server.storage.restoration import restore
from tests.doubles.exam_records import CREATED, identity
from tests.doubles.registered_devices import OTHER_DIGEST, device, full_device
from tests.doubles.stored_items import add_item, uids_in

DEVICES = (device("a"), full_device("b"), device("gone", token=None, deleted=CREATED))
A, B, GONE = (identity(name) for name in ("a", "b", "gone"))


@pytest.fixture
async def filled(store):
    """A store with devices."""
    await store.transact(lambda tx: [tx.add_device(each) for each in DEVICES])
    return store


def change(file, *statements):
    """Change a database as no manager does."""
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        for text in statements:
            stock.execute(text)


IN_CLEAR = "previous_sha256 = 'secret', previous_until = 1"
ALONE = f"token_sha256 = NULL, previous_sha256 = '{OTHER_DIGEST}', previous_until = 1"
ILLEGAL = {
    "a second device of an id": (
        f"INSERT INTO devices SELECT 9, id, name, description, NULL, NULL, NULL, 0, NULL, NULL, '', 0, NULL, NULL, '', "
        f"0 FROM devices WHERE id = '{A}'"
    ),
    "a device without an id": (
        "INSERT INTO devices VALUES (9, '', 'x', '', NULL, NULL, NULL, 0, NULL, NULL, '', 0, NULL, NULL, '{}', 0)"
    ),
    "a device without a name": f"UPDATE devices SET name = '' WHERE id = '{A}'",
    "a token in clear text": f"UPDATE devices SET token_sha256 = 'secret' WHERE id = '{A}'",
    "a token before in clear text": f"UPDATE devices SET {IN_CLEAR} WHERE id = '{A}'",
    "a token before without an end": f"UPDATE devices SET previous_until = NULL WHERE id = '{B}'",
    "a token before of a device without one": f"UPDATE devices SET {ALONE} WHERE id = '{A}'",
    "a generation that goes back": f"UPDATE devices SET generation = 6 WHERE id = '{B}'",
    "a generation below zero": (
        "INSERT INTO devices VALUES (9, 'x', 'x', '', NULL, NULL, NULL, -1, NULL, NULL, '', 0, NULL, NULL, '{}', 0)"
    ),
    "another id": f"UPDATE devices SET id = 'x' WHERE id = '{A}'",
    "another place": f"UPDATE devices SET place = 9 WHERE id = '{A}'",
    "another creator": f"UPDATE devices SET creator = 'x' WHERE id = '{A}'",
    "another time of creation": f"UPDATE devices SET created = 1 WHERE id = '{A}'",
    "a deleted device with a token": f"UPDATE devices SET deleted = 1 WHERE id = '{A}'",
    "a deleted device that comes back": f"UPDATE devices SET deleted = NULL WHERE id = '{GONE}'",
    "a deleted device that changes": f"UPDATE devices SET name = 'x' WHERE id = '{GONE}'",
    "a device that is removed": f"DELETE FROM devices WHERE id = '{GONE}'",
    "a device that is replaced": f"REPLACE INTO devices SELECT * FROM devices WHERE id = '{A}'",
}


@pytest.mark.parametrize("what", ILLEGAL)
async def test_the_schema_refuses(what, filled, file):
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        stock.execute("PRAGMA foreign_keys = ON")
        stock.execute("PRAGMA recursive_triggers = ON")
        with pytest.raises(sqlite3.IntegrityError):
            stock.execute(ILLEGAL[what])
    assert examine(file)[1] == []


async def test_a_changed_row_has_the_right_checksum(filled, file):
    changed = replace(full_device("b"), token=None, generation=8, last_seen=0.0, updated=1.0, deleted=-0.0)
    await filled.transact(lambda tx: tx.change_device(changed))
    assert await filled.transact(lambda tx: tx.device(B)) == changed
    assert examine(file)[1] == []


async def test_a_damaged_device_is_named_by_every_examination_and_refused_to_its_reader_alone(filled, file):
    change(file, f"UPDATE devices SET token_sha256 = '{OTHER_DIGEST}' WHERE id = '{A}'")
    [fault] = examine(file)[1]
    assert "of table devices" in fault
    examination = Examination(file, SystemClock(), larger_than=0)
    examination.begin()
    examination.wait()
    examination.stop()
    [found] = examination.faults
    assert "of table devices" in found
    for work in (
        lambda tx: tx.device(A),
        lambda tx: tx.devices(limit=10),
        lambda tx: tx.change_device(device("a", generation=1)),
    ):
        with pytest.raises(DamagedRecordError, match="of table devices"):
            await filled.transact(work)
    assert await filled.transact(lambda tx: tx.device(B)) == DEVICES[1]
    await filled.transact(add_item("a"))
    assert await uids_in(filled) == ["a"]


async def test_devices_come_back_with_a_backup_and_after_the_end_of_a_manager(filled, data, file, backups, reopen):
    back_up(file, backups, keep=1)
    await filled.transact(lambda tx: tx.change_device(device("a", token=None, deleted=CREATED)))
    await filled.close()
    again = reopen()
    assert (await again.transact(lambda tx: tx.device(A))).deleted == CREATED
    await again.close()
    restore(DataDirectory(data), None, clock=ManualClock())
    again = reopen()
    for each in DEVICES:
        assert await again.transact(lambda tx, at=each.id: tx.device(at)) == each
    await again.close()


def test_the_table_comes_with_the_sixth_migration():
    made = [each.name for each in read_migrations() if "CREATE TABLE devices" in each.script]
    assert made == ["0006_devices"]
