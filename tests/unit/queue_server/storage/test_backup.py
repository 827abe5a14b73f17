"""Backups: one state of the data, checked, whole or not there, and put back without a trace of what came after."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing

import pytest

from queue_server.protocol.errors import StorageError
from queue_server.storage.backup import back_up, back_up_to, list_backups
from queue_server.storage.directory import DATABASE_FILE, DataDirectory
from queue_server.storage.integrity import DamagedDatabaseError, examine
from queue_server.storage.migrate import SQLITE_MIGRATIONS, read_migrations
from tests.doubles.stored_items import add_item, mode_of, uids_in
from tests.faults.workload import Operation


async def test_a_backup_of_a_store_in_use_has_what_was_committed(store, file, backups, reopen, tmp_path):
    await store.transact(add_item("a"))
    made = back_up(file, backups, keep=3)
    await store.transact(add_item("b"))
    assert made.identity.instance_id == store.instance_id
    assert examine(made.file) == (made.identity, [])
    assert (mode_of(backups), mode_of(made.file)) == (0o700, 0o600)
    assert [path.name for path in backups.iterdir()] == [made.file.name]
    (tmp_path / "copy").mkdir(mode=0o700)
    shutil.copy2(made.file, tmp_path / "copy" / DATABASE_FILE)
    copy = reopen(tmp_path / "copy")
    assert await uids_in(copy) == ["a"]
    await copy.close()


async def test_nobody_waits_for_a_backup(store, file, backups):
    """A transaction is committed while the copy is under way, and is not in it."""
    await store.transact(lambda tx: tx.save("large", bytes(24 * 1024 * 1024)))
    copying = asyncio.create_task(asyncio.to_thread(back_up, file, backups, keep=1))
    committed = 0
    while not copying.done():
        await store.transact(add_item(f"i{committed}"))
        committed += 1
    made = await copying
    assert committed > 3
    assert examine(made.file)[1] == []


async def test_only_the_newest_backups_are_kept(store, file, backups):
    for number in range(5):
        await store.transact(lambda tx, number=number: Operation(1, number + 1, 1)(tx))
        back_up(file, backups, keep=3)
    assert [int(path.stem.split("-")[2]) for path in list_backups(backups)] == [5, 4, 3]


async def test_a_damaged_database_gives_no_backup_and_costs_none(store, file, backups):
    await store.transact(add_item("a"))
    kept = back_up(file, backups, keep=1)
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        stock.execute("UPDATE items SET content = '{}'")
    with pytest.raises(DamagedDatabaseError, match="row a of table items"):
        back_up(file, backups, keep=1)
    assert list(backups.iterdir()) == [kept.file]


async def test_a_place_that_cannot_be_written_is_told_and_leaves_no_draft(store, file, backups):
    back_up(file, backups, keep=2)
    before = sorted(backups.iterdir())
    with pytest.raises(StorageError, match="No backup could be written"):
        back_up(file, backups / "no" / "such", keep=1)
    with pytest.raises(StorageError, match="There is no database"):
        back_up(file.with_name("none"), backups, keep=1)
    assert sorted(backups.iterdir()) == before


async def test_a_backup_to_a_file_takes_the_place_of_an_older_one(store, file, tmp_path):
    target = tmp_path / "mine.sqlite"
    back_up_to(file, target)
    await store.transact(add_item("a"))
    back_up_to(file, target)
    assert examine(target)[1] == []
    with closing(sqlite3.connect(target)) as stock:
        assert stock.execute("SELECT uid FROM items").fetchall() == [("a",)]


async def test_a_backup_is_made_before_the_schema_changes(data, file, backups, reopen):
    """A store of an older release is opened: what it was is kept, and every row gets its checksum."""
    DataDirectory(data).create()
    DataDirectory(data).create_database()
    old = read_migrations(SQLITE_MIGRATIONS)[:2]
    with closing(sqlite3.connect(file, isolation_level=None)) as stock:
        for migration in old:
            stock.executescript(migration.script)
        stock.executescript(
            f"PRAGMA user_version = {len(old)};"
            "INSERT INTO meta VALUES (1, '11111111-1111-4111-8111-111111111111', 1, 3, 2, 1, 1);"
            "INSERT INTO items VALUES ('q', 'default', 's1', 'queued', 10, 0, '', '{\"name\":\"count\"}', NULL, NULL);"
            "INSERT INTO items VALUES ('f', 'default', 's2', 'finished', NULL, 1, '', '{}', 1, '{}');"
            "INSERT INTO attempts VALUES ('s2', 1, 'f', 'default', 3, 'finished', 'completed', 5);"
            "INSERT INTO runs VALUES (4, 's2', 1, 'run', 7, 0, 'success');"
            "INSERT INTO events VALUES (6, 'k', 0.5, 3, '', '', '', 0, '', '{}');"
            "INSERT INTO documents VALUES ('core', x'00'); INSERT INTO replies VALUES ('k', x'01', x'02', 4);"
            "INSERT INTO tasks VALUES ('t', 'default', 'script', 0, 1, 2, '{}');"
        )
    file.chmod(0o600)
    store = reopen()
    assert await uids_in(store) == ["q"]
    assert await store.transact(lambda tx: tx.last_seq()) == 6
    await store.close()
    assert examine(file)[1] == []
    [made] = list_backups(backups)
    identity, faults = examine(made)
    assert identity is not None
    assert (identity.schema_version, identity.epoch, faults) == (2, 3, [])
