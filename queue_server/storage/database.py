"""The one connection that writes: statements in, rows out, and the only place that knows the errors of SQLite.

An error of the disk ends the connection for good, because a repeated fsync may succeed after the data were dropped.
It knows neither the tables nor the data directory.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from queue_server.failpoints import declare, failpoint
from queue_server.protocol.errors import ConflictError, StorageBusyError, StorageError, StorageFullError
from queue_server.storage.checksums import Checksums, restore_hint
from queue_server.storage.sql import Row

logger = logging.getLogger(__name__)

declare("store.before_checkpoint", "store.after_checkpoint")

BUSY_TIMEOUT_MS = 1000
# The log is moved into the main file at 4 MiB, and a log that one large transaction made longer is cut back.
CHECKPOINT_PAGES = 1000
LOG_LIMIT_BYTES = 16 * 1024 * 1024
# Pages that are not kept here come from the memory of the system, which costs a few microseconds each.
CACHE_KIB = 4 * 1024
ROWS_TOGETHER = 100

_FULL = (errno.ENOSPC, errno.EDQUOT)
# Where a full disk shows as an error of another kind, and nothing was promised to be on the disk yet.
_FULL_CODES = (apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_SHMSIZE, apsw.SQLITE_IOERR_SHMMAP, apsw.SQLITE_IOERR_TRUNCATE)


def connect(file: Path, vfs: str | None) -> Database:
    """Open an existing file, through the virtual file system named ``vfs`` if one is.

    Raises:
        StorageError: the file cannot be opened for writing, or is no database.
    """
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    except apsw.Error as error:
        raise StorageError(f"{file} cannot be opened: {error}. {_ACCESS}") from error
    database = Database(connection, file)
    try:
        if connection.readonly("main"):
            raise StorageError(f"{file} cannot be written. {_ACCESS}")
        for setting in _SETTINGS:
            database.rows(f"PRAGMA {setting}")
    except BaseException:
        database.keep_log()
        database.close()
        raise
    return database


_ACCESS = "Give this user write access to it and to its directory, or choose another data directory (--data)."
_SETTINGS = (
    "foreign_keys = ON",
    "recursive_triggers = ON",
    "temp_store = MEMORY",
    f"cache_size = -{CACHE_KIB}",
    f"journal_size_limit = {LOG_LIMIT_BYTES}",
)


def declare_checksums(connection: Any, file: Path) -> Checksums:
    """Make the checksums of rows known to a connection, and return them."""
    checksums = Checksums(str(file))
    checksums.declare(lambda name, function: connection.create_scalar_function(name, function, deterministic=True))
    return checksums


class Database:
    """A connection that remembers how it failed: a transaction that failed cannot go on, a disk not at all."""

    def __init__(self, connection: apsw.Connection, file: Path) -> None:
        self._connection = connection
        # The type stubs of apsw name a type that the standard library has only from 3.12 on.
        self._cursor: Any = connection.cursor()
        self._file = file
        self._failure: StorageError | None = None
        self._death: StorageError | None = None
        self._log_pages = 0
        self._commits = 0
        self._keeps_log = False
        self.newest: dict[str, int] = {}
        """The highest numbers in tables, as whoever numbers rows remembers them; forgotten when anything is undone."""
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        # SQLite's own checkpoint after a commit swallows its errors, a failed fsync included.
        connection.set_wal_hook(self._note_log)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        # Otherwise a statement is compiled anew for every other value that might change its plan.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        self._checksums = declare_checksums(connection, file)

    def _note_log(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        self._commits += 1
        return apsw.SQLITE_OK

    @property
    def commits(self) -> int:
        """How many transactions have changed something."""
        return self._commits

    @property
    def is_dead(self) -> bool:
        """Whether an error of the disk has ended this connection."""
        return self._death is not None

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether the log is long enough to be moved into the main file."""
        return self._log_pages >= CHECKPOINT_PAGES and not self.is_dead

    def begin(self) -> None:
        """Begin a transaction.

        Raises:
            StorageError: the connection is dead, or another program holds the database.
        """
        if self._death is not None:
            raise _again(self._death)
        self._failure = None
        self.rows("BEGIN IMMEDIATE")

    def rows(self, statement: str, values: Row = ()) -> list[Row]:
        """Run a statement and return its rows.

        Raises:
            ConflictError: the schema refuses the change; the transaction can go on.
            StorageError: the transaction cannot go on.
        """
        if self._failure is not None:
            raise _again(self._failure)
        try:
            return self._cursor.execute(statement, values).fetchall()
        except apsw.ConstraintError as error:
            raise _contradiction(error) from error
        except (apsw.Error, UnicodeDecodeError) as error:
            raise self._fail(error) from error

    def row(self, statement: str, values: Row = ()) -> Row | None:
        """Run a statement and return its first row, if it has any; raises as ``rows``."""
        found = self.rows(statement, values)
        return found[0] if found else None

    def sound_rows(self, table: str, statement: str, values: Row = ()) -> list[Row]:
        """Run a statement that reads whole rows, with their checksums as the last column; return what is sound.

        Raises:
            DamagedRowError: a row of ``table`` is not as it was written; other errors are those of ``rows``.
        """
        found = self.rows(statement, values)
        self._checksums.require_sound(table, found)
        return found

    def change(self, statement: str, values: Row = ()) -> int:
        """Run a statement and return how many rows it changed; raises as ``rows``."""
        self.rows(statement, values)
        return self._connection.changes()

    def change_many(self, statement: str, values: Iterable[Row]) -> None:
        """Run a statement once for each of ``values``; raises as ``rows``."""
        if self._failure is not None:
            raise _again(self._failure)
        try:
            self._cursor.executemany(statement, values)
        except apsw.ConstraintError as error:
            raise _contradiction(error) from error
        except (apsw.Error, UnicodeDecodeError) as error:
            raise self._fail(error) from error

    def insert_together(self, statement: str, rows: Sequence[Row]) -> None:
        """Run a statement that has one row of values with as many of them as fit; raises as ``rows``.

        Inside a savepoint a statement for each row takes nearly twice as long: each keeps copies of pages.
        """
        pattern = f"({', '.join('?' * len(rows[0]))})"
        for at in range(0, len(rows), ROWS_TOGETHER):
            part = rows[at : at + ROWS_TOGETHER]
            text = statement.replace(pattern, ", ".join([pattern] * len(part)))
            self.rows(text, tuple(value for row in part for value in row))

    def commit(self) -> None:
        """Make the transaction durable.

        Raises:
            StorageError: the transaction failed before, perhaps unnoticed, or fails now; nothing was changed.
        """
        self.rows("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, unless that happened already."""
        self.newest.clear()
        if not self._connection.in_transaction:
            return
        try:
            self._cursor.execute("ROLLBACK")
        except apsw.Error as error:
            self._fail(error)

    def end(self) -> None:
        """Refuse statements until the next transaction begins."""
        self._failure = _ENDED

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo what was done inside the block if it raises; the rest of the transaction stands."""
        self.rows("SAVEPOINT block")
        try:
            yield
        except BaseException:
            self.newest.clear()
            # An error of the disk has undone the whole transaction already.
            if self._failure is None:
                self.rows("ROLLBACK TO block")
                self.rows("RELEASE block")
            raise
        self.rows("RELEASE block")

    def checkpoint(self) -> bool:
        """Move the log into the main file as far as no reader needs it; return whether all of it was moved.

        Raises:
            StorageError: the disk is full (the log still has everything), or failed.
        """
        if self._death is not None:
            raise _again(self._death)
        with self._translating():
            failpoint("store.before_checkpoint")
            frames, moved = self._connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
            failpoint("store.after_checkpoint")
        self._log_pages = frames - moved
        return frames == moved

    def interrupt(self) -> None:
        """End the statement that another thread is running here with an error."""
        self._connection.interrupt()

    def keep_log(self) -> None:
        """Leave the log as it is when the connection is closed."""
        self._keeps_log = True

    def close(self) -> None:
        """Close the connection; the log goes if it has been moved into the main file as a whole."""
        try:
            if self.is_dead or self._keeps_log:
                self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._connection.close()
        except apsw.Error as error:
            logger.warning("The database was not closed in order.", exc_info=error)

    def pass_point(self, name: str) -> None:
        """Pass a failpoint, whose errors are treated as those of the disk.

        Raises:
            StorageError: a fault test asks for an error here.
        """
        try:
            failpoint(name)
        except OSError as error:
            raise self._fail(error) from error

    @contextmanager
    def _translating(self) -> Generator[None]:
        try:
            yield
        except (apsw.Error, OSError) as error:
            raise self._fail(error) from error

    def _fail(self, error: apsw.Error | OSError | UnicodeDecodeError) -> StorageError:
        failure = self._translate(error)
        self._failure = failure
        if not isinstance(failure, StorageFullError) and not isinstance(error, apsw.BusyError):
            self._death = self._death or failure
        return failure

    def _translate(self, error: apsw.Error | OSError | UnicodeDecodeError) -> StorageError:
        if isinstance(error, apsw.BusyError):
            return StorageBusyError(f"Another program writes into {self._file}. End it, then repeat the request.")
        if isinstance(error, (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError)):
            return StorageError(f"{self._file} is damaged ({error}). {restore_hint(str(self._file))}")
        if self._is_full(error):
            return StorageFullError(
                f"No space is left on the disk of {self._file}: free some, then repeat the request."
            )
        return StorageError(
            f"{self._file} cannot be used any more ({error}). Check the disk, then start the manager again: "
            "everything that was confirmed is there."
        )

    def _is_full(self, error: apsw.Error | OSError) -> bool:
        if isinstance(error, OSError):
            # Outside of a transaction nobody can say that nothing was changed.
            return error.errno in _FULL and self._connection.in_transaction
        if isinstance(error, apsw.FullError):
            return True
        # Errors of APSW itself, such as its use from two threads at once, carry no code.
        return getattr(error, "extendedresult", 0) in _FULL_CODES and self._connection.system_errno in _FULL


_ENDED = StorageError("The transaction has ended: nothing can be done outside of one.")


def _contradiction(error: apsw.ConstraintError) -> ConflictError:
    return ConflictError(f"The change contradicts what is stored: {error}.")


def _again(error: StorageError) -> StorageError:
    """Return an error of the same kind, so that each request that meets it has a traceback of its own."""
    repeated = type(error)(str(error))
    repeated.__cause__ = error
    return repeated


class Rows:
    """The base of what works on the rows of one subject, inside a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
