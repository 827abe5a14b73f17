"""The connection: what it is set to, and what becomes of the errors of SQLite."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing

import apsw
import pytest

from queue_server.protocol.errors import ConflictError, StorageError, StorageFullError
from queue_server.storage.database import Database, connect


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "d.sqlite"
    with closing(sqlite3.connect(path)) as stock:
        stock.execute("PRAGMA journal_mode = WAL")
        stock.execute("CREATE TABLE t (x UNIQUE)")
    return path


@pytest.fixture
def database(file):
    opened = connect(file, None)
    yield opened
    opened.close()


def _insert(database, value):
    database.begin()
    database.rows("INSERT INTO t VALUES (?)", (value,))
    database.commit()


def test_a_file_that_does_not_exist_is_not_created(tmp_path):
    with pytest.raises(StorageError, match=r"cannot be opened.*Give this user write access"):
        connect(tmp_path / "missing.sqlite", None)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_virtual_file_system_is_told(file):
    with pytest.raises(StorageError, match="cannot be opened"):
        connect(file, "no such thing")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("foreign_keys", 1), ("recursive_triggers", 1), ("temp_store", 2), ("journal_size_limit", 16 * 1024 * 1024)],
)
def test_a_connection_is_set_up(setting, value, database):
    assert database.rows(f"PRAGMA {setting}") == [(value,)]


def test_rows_and_changes_are_counted(database):
    database.begin()
    database.change_many("INSERT INTO t VALUES (?)", [(1,), (2,), (3,)])
    assert database.change("DELETE FROM t WHERE x > ?", (1,)) == 2
    database.commit()
    assert database.row("SELECT x FROM t") == (1,)
    assert database.row("SELECT x FROM t WHERE x = 9") is None


def test_a_broken_constraint_is_a_conflict_after_which_the_transaction_goes_on(database):
    database.begin()
    database.rows("INSERT INTO t VALUES (1)")
    with pytest.raises(ConflictError, match="contradicts") as caught:
        database.rows("INSERT INTO t VALUES (1)")
    assert isinstance(caught.value.__cause__, apsw.ConstraintError)
    database.rows("INSERT INTO t VALUES (2)")
    database.commit()
    assert database.rows("SELECT x FROM t ORDER BY x") == [(1,), (2,)]


def test_a_rollback_undoes_and_may_be_repeated(database):
    database.begin()
    database.rows("INSERT INTO t VALUES (1)")
    database.rollback()
    database.rollback()
    assert database.rows("SELECT x FROM t") == []


def test_another_writer_is_told_and_waited_for(file, database):
    with closing(apsw.Connection(str(file))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="Another program writes"):
            database.begin()
    assert not database.is_dead
    _insert(database, 1)


def test_a_statement_that_is_wrong_ends_the_connection(database):
    database.begin()
    with pytest.raises(StorageError, match="cannot be used any more"):
        database.rows("SELECT nonsense FROM nowhere")
    database.rollback()
    assert database.is_dead
    with pytest.raises(StorageError, match="cannot be used any more"):
        database.begin()
    with pytest.raises(StorageError, match="cannot be used any more"):
        database.checkpoint()


def test_a_transaction_that_failed_cannot_be_committed(database):
    database.begin()
    with pytest.raises(StorageError):
        database.rows("SELECT nonsense FROM nowhere")
    with pytest.raises(StorageError, match=r"nonsense|nowhere"):
        database.commit()


def test_nothing_is_done_outside_of_a_transaction_once_one_has_ended(database):
    _insert(database, 1)
    database.end()
    with pytest.raises(StorageError, match="has ended"):
        database.rows("SELECT x FROM t")
    database.begin()
    assert database.rows("SELECT x FROM t") == [(1,)]
    database.rollback()


def test_a_checkpoint_moves_the_log_and_says_whether_all_of_it(file, database):
    _insert(database, 1)
    with closing(apsw.Connection(str(file))) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        _insert(database, 2)
        assert not database.checkpoint()
    assert database.checkpoint()


def test_a_checkpoint_is_due_when_the_log_is_long(database):
    assert not database.is_checkpoint_due
    _insert(database, bytes(5 * 1024 * 1024))
    assert database.is_checkpoint_due
    assert database.checkpoint()
    assert not database.is_checkpoint_due


def test_closing_takes_the_log_away_unless_it_is_to_be_kept(file):
    log = file.with_name("d.sqlite-wal")
    for keeps in (True, False):
        database = connect(file, None)
        _insert(database, keeps)
        if keeps:
            database.keep_log()
        database.close()
        assert log.exists() is keeps


def test_a_damaged_file_is_told(file):
    with file.open("r+b") as opened:
        opened.seek(100)
        opened.write(bytes(4000))
    with pytest.raises(StorageError, match=r"damaged.*Restore a backup"):
        connect(file, None).rows("SELECT * FROM t")


class _CursorThatCannotUndo:
    """Runs every statement but a rollback."""

    def __init__(self, connection):
        self._cursor = apsw.Cursor(connection)

    def execute(self, text, values=()):
        if text == "ROLLBACK":
            raise apsw.exception_for(apsw.SQLITE_IOERR)
        return self._cursor.execute(text, values)


class _ConnectionThatCannotUndo(apsw.Connection):
    def cursor(self):  # pyright: ignore[reportIncompatibleMethodOverride] - as much of a cursor as is used
        return _CursorThatCannotUndo(self)


def test_a_rollback_that_fails_ends_the_connection(file):
    database = Database(_ConnectionThatCannotUndo(str(file)), file)
    database.begin()
    database.rollback()
    assert database.is_dead
    database.close()


class _QuotaVfs(apsw.VFS):
    """Says about every write that the quota is used up, as the operating system would."""

    def __init__(self, name):
        self.is_failing = False
        super().__init__(name, "")

    def xOpen(self, name, flags):  # noqa: N802 - the names are those of SQLite
        return _QuotaFile(self, name, flags)

    def xGetLastError(self):  # noqa: N802
        return (errno.EDQUOT, "quota exceeded") if self.is_failing else super().xGetLastError()


class _QuotaFile(apsw.VFSFile):
    def __init__(self, vfs, name, flags):
        self._vfs = vfs
        super().__init__("", name, flags)

    def xWrite(self, data, offset):  # noqa: N802
        if self._vfs.is_failing:
            raise apsw.exception_for(apsw.SQLITE_IOERR_WRITE)
        super().xWrite(data, offset)


def test_a_quota_that_is_used_up_is_a_full_disk(file):
    vfs = _QuotaVfs("quota")
    database = connect(file, "quota")
    vfs.is_failing = True
    with pytest.raises(StorageFullError):
        _insert(database, 1)
    vfs.is_failing = False
    database.rollback()
    _insert(database, 2)
    assert database.rows("SELECT x FROM t") == [(2,)]
    database.close()


class _ReadOnlyVfs(apsw.VFS):
    """Opens files for reading only, as the default one does without the right to write."""

    def __init__(self, name):
        super().__init__(name, "")

    def xOpen(self, name, flags):  # noqa: N802
        file = apsw.VFSFile("", name, flags)
        flags[1] = (flags[1] & ~apsw.SQLITE_OPEN_READWRITE) | apsw.SQLITE_OPEN_READONLY
        return file


def test_a_file_that_can_only_be_read_is_refused(file):
    vfs = _ReadOnlyVfs("read only")
    with pytest.raises(StorageError, match=r"cannot be written. Give this user write access"):
        connect(file, "read only")
    vfs.unregister()
