"""Opening: a creation that was interrupted is completed, whatever it had come to."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import apsw
import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import StorageError
from queue_server.storage.directory import DataDirectory
from queue_server.storage.integrity import APPLICATION_ID
from queue_server.storage.lock import DirectoryLock
from queue_server.storage.opening import open_database

CLOCK, CHANCE = ManualClock(), Chance.seeded(5)


@pytest.fixture
def directory(tmp_path):
    made = DataDirectory(tmp_path / "data")
    made.create()
    lock = DirectoryLock.acquire(made.path)
    yield made
    lock.release()


def _open(directory):
    """Open the database and leave it as a crash does, with its log."""
    opened = open_database(directory, CLOCK, CHANCE, None)
    opened.database.keep_log()
    opened.database.close()
    return opened


def _change(directory, *statements):
    with closing(sqlite3.connect(directory.database, isolation_level=None)) as stock:
        for text in statements:
            stock.execute(text).fetchall()
    directory.database.chmod(0o600)


def test_a_new_database_is_ours_in_log_mode_and_has_a_marker(directory):
    opened = _open(directory)
    assert opened.epoch == 1
    assert directory.read_marker() == opened.instance_id
    with closing(sqlite3.connect(directory.database)) as stock:
        assert stock.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert stock.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_opening_begins_the_next_epoch(directory):
    assert [_open(directory).epoch for _ in range(4)] == [1, 2, 3, 4]


def test_an_empty_file_without_a_marker_is_a_creation_that_was_interrupted(directory):
    directory.create_database()
    assert _open(directory).epoch == 1


def test_a_schema_without_identity_and_marker_is_completed(directory):
    _open(directory)
    directory.marker.unlink()
    _change(directory, "DELETE FROM meta", "PRAGMA journal_mode = DELETE")
    opened = _open(directory)
    assert opened.epoch == 1
    assert directory.read_marker() == opened.instance_id


def test_an_identity_without_a_marker_is_kept(directory):
    first = _open(directory)
    directory.marker.unlink()
    second = _open(directory)
    assert second.instance_id == first.instance_id
    assert second.epoch == 2
    assert directory.read_marker() == first.instance_id


def test_the_log_of_a_crash_is_used(directory, tmp_path):
    opened = open_database(directory, CLOCK, CHANCE, None)
    crashed = DataDirectory(tmp_path / "crashed")
    crashed.create()
    for file in (directory.database, directory.log, directory.marker):
        shutil.copy2(file, crashed.path / file.name)
    opened.database.close()
    assert _open(crashed).epoch == opened.epoch + 1


def test_a_file_system_without_shared_memory_is_refused(directory):
    """So is one that offers no locks but files beside the database, which has no shared memory either."""
    with pytest.raises(StorageError, match=r"no shared memory.*local disk"):
        open_database(directory, CLOCK, CHANCE, "unix-dotfile")


def test_a_marker_that_cannot_be_written_is_told(directory):
    (directory.path / "instance.new").mkdir()
    with pytest.raises(StorageError, match="instance cannot be written: Is a directory"):
        _open(directory)
    (directory.path / "instance.new").rmdir()
    assert _open(directory).epoch == 1


def test_a_reader_that_keeps_the_log_busy_is_told(directory, caplog):
    _open(directory)
    with closing(apsw.Connection(str(directory.database))) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM meta").fetchall()
        assert _open(directory).epoch == 2
    assert "Another program reads the database" in caplog.text


def test_an_epoch_that_cannot_be_written_is_told_and_begun_later(directory):
    _open(directory)
    with closing(apsw.Connection(str(directory.database))) as writer:
        writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="Another program writes"):
            _open(directory)
    assert _open(directory).epoch == 2
