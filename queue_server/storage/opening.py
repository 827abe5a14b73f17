"""How a database is opened: look first, refuse what does not fit, and only then write.

The order is: identity and schema version, integrity, migrations, write-ahead log, marker, epoch.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from queue_server.clock import Chance, Clock
from queue_server.failpoints import declare
from queue_server.protocol.errors import StorageError
from queue_server.storage.backup import back_up_before_migration
from queue_server.storage.checksums import restore_hint
from queue_server.storage.database import Database, connect
from queue_server.storage.directory import DataDirectory
from queue_server.storage.integrity import (
    APPLICATION_ID,
    COUNT_TABLES,
    NEWEST_AT_START,
    SELECT_META,
    WHOLE_AT_START_BYTES,
    DamagedDatabaseError,
    find_faults,
    find_faults_at_start,
    identify,
    refuse_faults,
)
from queue_server.storage.migrate import migrate, read_migrations, schema_version
from queue_server.storage.sql import statement
from queue_server.storage.wal import find_unread, has_header

logger = logging.getLogger(__name__)

declare("store.before_epoch", "store.after_epoch")

INSERT_META = statement("insert_meta")
OPEN_EPOCH = statement("open_epoch")
LAST_SEQ = statement("last_seq")
ACCEPT_LOSS = statement("mark_closed")


class Opened(Struct, frozen=True):
    """A database that is ready for use, in a new epoch."""

    database: Database
    instance_id: str
    epoch: int


def open_database(directory: DataDirectory, clock: Clock, chance: Chance, vfs: str | None) -> Opened:
    """Open the database of a directory that is locked, or create it in a new one, and begin the next epoch.

    Raises:
        StorageError: something is missing, damaged, foreign, newer, or not writable; nothing was changed.
    """
    directory.check_files()
    marker = directory.read_marker()
    had_log = has_header(directory.log)
    if marker is None:
        directory.create_database()
    with _no_trace_of_refusal(directory):
        database = connect(directory.database, vfs)
        try:
            if not _is_unfinished(database, marker):
                _check_log(database, directory)
                _check(database, directory.database, marker, had_log=had_log)
                back_up_before_migration(database, directory.database, vfs)
            instance_id = _complete(database, clock, chance)
            if marker is None:
                _write_marker(directory, instance_id)
            return Opened(database, instance_id, _begin_epoch(database, clock))
        except BaseException:
            # A checkpoint now would write into data that were just refused.
            database.keep_log()
            database.close()
            raise


@contextmanager
def _no_trace_of_refusal(directory: DataDirectory) -> Generator[None]:
    """Take away the empty log that SQLite makes as soon as it looks into a database that has none."""
    log_existed = directory.log.exists()
    try:
        yield
    except BaseException:
        if not log_existed and not directory.has_log():
            directory.log.unlink(missing_ok=True)
        raise


def _is_unfinished(database: Database, marker: str | None) -> bool:
    """Whether the database is new: nothing in it yet, or its creation was interrupted, and never used."""
    if marker is not None:
        return False
    if database.rows(COUNT_TABLES) == [(0,)]:
        return True
    return database.rows("PRAGMA application_id") == [(APPLICATION_ID,)] and not database.rows(SELECT_META)


def _check_log(database: Database, directory: DataDirectory) -> None:
    # Whoever has read from the database knows how much of the log there is to read.
    schema_version(database)
    broken = find_unread(directory.log, directory.log_index)
    if broken is not None:
        raise DamagedDatabaseError(
            f"The log {directory.log} is damaged: its frame {broken} is not as it was written, and confirmed changes "
            f"that follow would be lost with it. {restore_hint(str(directory.database))}",
            details={"file": str(directory.log), "frame": broken},
        )


def _check(database: Database, file: Path, marker: str | None, *, had_log: bool) -> None:
    identity = identify(database, file)
    if marker not in (None, identity.instance_id):
        _refuse(file, f"{file} belongs to instance {identity.instance_id}, and this directory to instance {marker}.")
    [(_, _, is_closed)] = database.rows(SELECT_META)
    if not is_closed and not had_log:
        _refuse_lost_log(database, file)
    is_small = file.stat().st_size <= WHOLE_AT_START_BYTES
    found = find_faults(database, newest=NEWEST_AT_START) if is_small else find_faults_at_start(database)
    refuse_faults(file, list(found))


# A log that was cut off behind its header cannot be told from one that never was longer; and the main file does not
# tell a log that was lost from one that another program has moved into it.
def _refuse_lost_log(database: Database, file: Path) -> NoReturn:
    [(seq,)] = database.rows(LAST_SEQ)
    raise StorageError(
        f"The log {file}-wal is missing or empty, or its beginning is damaged, although the manager did not end in "
        f"order: whatever happened after event {seq} is lost with it (unless another program, such as sqlite3, has "
        "opened the database since then: that takes the log in when it closes, and nothing is lost). Put the log back "
        f"beside the database, or restore a backup (cuelight restore --data {file.parent}). To go on without it, run: "
        f"sqlite3 {file} '{ACCEPT_LOSS}'",
        details={"last_seq": seq},
    )


def _refuse(file: Path, what: str) -> NoReturn:
    raise StorageError(f"{what} {restore_hint(str(file))}, or choose another directory (--data).")


def _complete(database: Database, clock: Clock, chance: Chance) -> str:
    """Bring schema and identity to what this release needs, in a form that survives a loss of power; return the id."""
    # Only with EXTRA is the rollback journal gone for good when the switch to the log follows: it could come back
    # after a loss of power and undo the creation.
    database.rows("PRAGMA synchronous = EXTRA")
    migrate(database, read_migrations())
    found = database.row(SELECT_META)
    if found is None:
        now = clock.wall()
        found = (chance.identifier(), 0, 1)
        _in_transaction(database, INSERT_META, (found[0], now, now))
    if database.rows("PRAGMA journal_mode = WAL") != [("wal",)]:
        raise StorageError("The file system of the data directory has no shared memory. Use a local disk (--data).")
    database.rows("PRAGMA synchronous = FULL")
    return found[0]


def _write_marker(directory: DataDirectory, instance_id: str) -> None:
    try:
        directory.write_marker(instance_id)
    except OSError as error:
        raise StorageError(f"{directory.marker} cannot be written: {error.strerror}.") from error


def _begin_epoch(database: Database, clock: Clock) -> int:
    database.pass_point("store.before_epoch")
    [(epoch,)] = _in_transaction(database, OPEN_EPOCH, (1, clock.wall()))
    database.pass_point("store.after_epoch")
    # The main file must say that it needs the log before anything is confirmed: that is how a lost log is noticed.
    if not database.checkpoint():
        logger.warning("Another program reads the database; the loss of its log would not be noticed.")
    return epoch


def _in_transaction(database: Database, text: str, values: tuple[object, ...]) -> list[tuple[int, ...]]:
    database.begin()
    try:
        answer = database.rows(text, values)
        database.commit()
    except BaseException:
        database.rollback()
        raise
    return answer
