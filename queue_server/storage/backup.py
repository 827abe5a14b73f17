"""Copies of the database while it is in use: complete, checked, and there as a whole or not at all.

A copy is one state of the data, taken through a connection of its own that only reads; nobody waits for it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from queue_server.disk import sync_directory
from queue_server.protocol.errors import StorageError, StorageFullError
from queue_server.storage.database import Database
from queue_server.storage.integrity import Identity, examine, find_faults, identify, refuse_faults
from queue_server.storage.migrate import read_migrations, schema_version
from queue_server.storage.sql import statement

logger = logging.getLogger(__name__)

DIRECTORY = "backups"
"""The directory of the backups inside the data directory."""

_NAME = re.compile(r"queue-(\d{8,})-(\d{12,})-v(\d{2,})\.sqlite")
_PAGES_PER_STEP = 512
_MARK_CLOSED = statement("mark_closed")


class Backup(Struct, frozen=True):
    """A complete copy."""

    file: Path
    identity: Identity


def file_name(identity: Identity) -> str:
    """Return the name of a backup; names sort as the data and their schema went on."""
    return f"queue-{identity.epoch:08d}-{identity.last_seq:012d}-v{identity.schema_version:02d}.sqlite"


def list_backups(directory: Path) -> list[Path]:
    """Return the backups of a directory, newest first, without looking into them."""
    found = [file for file in directory.glob("queue-*.sqlite") if _NAME.fullmatch(file.name)]
    return sorted(found, key=_progress_of, reverse=True)


def _progress_of(file: Path) -> tuple[int, ...]:
    match = _NAME.fullmatch(file.name)
    return tuple(map(int, match.groups())) if match else ()


def back_up(database: Path, directory: Path, *, keep: int, vfs: str | None = None) -> Backup:
    """Put a backup of a database into a directory, and remove the oldest of more than ``keep``.

    Raises:
        StorageFullError: the disk is full; the backups that are there are kept.
        DamagedDatabaseError: the copy shows that the database is damaged; the backups that are there are kept.
        StorageError: the database cannot be read, or the disk failed.
    """
    with _disk_errors(directory):
        directory.mkdir(mode=0o700, exist_ok=True)
        made = _write(database, directory, None, vfs)
        for old in list_backups(directory)[max(keep, 1) :]:
            old.unlink(missing_ok=True)
    return made


def back_up_to(database: Path, file: Path, *, vfs: str | None = None) -> Backup:
    """Write a backup of a database to a file, which takes the place of one that is there; raises as ``back_up``."""
    with _disk_errors(file.parent):
        return _write(database, file.parent, file.name, vfs)


def back_up_before_migration(database: Database, file: Path, vfs: str | None = None) -> None:
    """Make a backup if the schema is about to change; raises as ``back_up``."""
    if 0 < schema_version(database) < len(read_migrations()):
        made = back_up(file, file.parent / DIRECTORY, keep=len(list_backups(file.parent / DIRECTORY)) + 1, vfs=vfs)
        logger.info("The schema is brought up to date; the data as they were are in %s", made.file)


def _write(database: Path, directory: Path, name: str | None, vfs: str | None) -> Backup:
    draft = directory / f".{os.getpid()}-{name or 'backup'}.draft"
    draft.unlink(missing_ok=True)
    try:
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        _copy(database, draft, vfs)
        identity, faults = complete_copy(draft)
        refuse_faults(database, [fault.replace(str(draft), str(database)) for fault in faults])
        sync_file(draft)
        file = directory / (name or file_name(identity))
        draft.replace(file)
        sync_directory(directory)
        return Backup(file, identity)
    finally:
        draft.unlink(missing_ok=True)


def _copy(source: Path, target: Path, vfs: str | None) -> None:
    if not source.is_file():
        raise StorageError(f"There is no database {source}.")
    with (
        closing(_connect(source, apsw.SQLITE_OPEN_READONLY, vfs)) as reading,
        closing(_connect(target, apsw.SQLITE_OPEN_READWRITE)) as writing,
    ):
        reading.set_busy_timeout(1000)
        reading.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        writing.execute("PRAGMA synchronous = OFF").fetchall()
        # Without a transaction of its own the copy would begin again with every commit.
        reading.execute("BEGIN; SELECT 1 FROM sqlite_schema").fetchall()
        with writing.backup("main", reading, "main") as copying:
            while not copying.done:
                copying.step(_PAGES_PER_STEP)


def _connect(file: Path, flags: int, vfs: str | None = None) -> Any:
    # The type stubs of apsw name a type that the standard library has only from 3.12 on.
    return apsw.Connection(str(file), flags=flags, vfs=vfs)


def complete_copy(file: Path) -> tuple[Identity, list[str]]:
    """Make a copy stand alone, without a log, and check all of it; return whose data it has, and what is wrong.

    Raises:
        StorageError: it is no database of this release, or cannot be read.
    """
    database = Database(apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE), file)
    try:
        database.rows("PRAGMA journal_mode = DELETE")
        database.rows("PRAGMA synchronous = OFF")
        identity = identify(database, file)
        database.rows(_MARK_CLOSED)
        return identity, list(find_faults(database))
    finally:
        database.close()


def sync_file(file: Path) -> None:
    """Make the content of a file durable.

    Raises:
        OSError: the disk failed.
    """
    handle = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _disk_errors(directory: Path) -> Generator[None]:
    try:
        yield
    except apsw.FullError as error:
        raise StorageFullError(f"There is no room for a backup in {directory}: free some space.") from error
    except (apsw.Error, OSError) as error:
        raise StorageError(f"No backup could be written to {directory}: {error}.") from error


def newest_sound(directory: Path, instance_id: str | None) -> tuple[Path | None, list[str]]:
    """Return the newest backup of an instance that has no fault, and what was found in the newer ones."""
    told: list[str] = []
    for file in list_backups(directory):
        identity, faults = examine(file)
        if identity is not None and not faults and instance_id in (None, identity.instance_id):
            return file, told
        # What SQLite says of a page names no file.
        faults = [fault if file.name in fault else f"{file} is damaged: {fault}" for fault in faults]
        told += faults or [f"{file} belongs to instance {identity.instance_id if identity else 'unknown'}."]
    return None, told
