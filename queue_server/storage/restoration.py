"""A backup put in the place of a database: the damaged original is kept, and nothing from before is accepted again.

The data directory must be locked by the caller. A restoration that is interrupted at any point can be repeated.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import orjson
from msgspec import Struct

from queue_server.clock import Clock
from queue_server.disk import sync_directory
from queue_server.failpoints import declare, failpoint
from queue_server.protocol.errors import ConflictError, CuelightError, NotFoundError, StorageError
from queue_server.storage.backup import DIRECTORY, newest_sound, sync_file
from queue_server.storage.base import OFFLINE_CHANGE
from queue_server.storage.database import Database, connect
from queue_server.storage.directory import DataDirectory
from queue_server.storage.integrity import Identity, examine, identify, open_reader
from queue_server.storage.sql import statement

declare("restore.before_exchange", "restore.between_renames", "restore.after_exchange")

# More than there can have been starts since the backup: a supervisor makes at most one in a second.
EPOCHS_AHEAD = 1000

_OPEN_EPOCH = statement("open_epoch")
_MARK_CLOSED = statement("mark_closed")
_SAVE_DOCUMENT = statement("save_document")


class Restored(Struct, frozen=True):
    """What is in place now, and where what was there is kept (None if there was nothing)."""

    identity: Identity
    source: Path
    kept: Path | None
    passed_over: tuple[str, ...] = ()


def restore(directory: DataDirectory, source: Path | None, *, clock: Clock, is_forced: bool = False) -> Restored:
    """Put a backup in the place of the database of a directory.

    Args:
        directory: locked by the caller.
        source: the backup; None means the newest sound one of the directory itself.
        clock: gives the time that is recorded.
        is_forced: whether a backup of another instance may take the place of these data.

    Raises:
        NotFoundError: there is no backup, or none that is sound.
        ConflictError: it belongs to another instance.
        StorageError: it is damaged or from a newer release, or the disk failed; nothing was changed.
    """
    marker = _read_marker(directory)
    passed_over: list[str] = []
    if source is None:
        source, passed_over = newest_sound(directory.path / DIRECTORY, None if is_forced else marker)
        if source is None:
            found = f" Those that are there cannot be used: {' '.join(passed_over)}" if passed_over else ""
            raise NotFoundError(f"There is no sound backup in {directory.path / DIRECTORY}; name one.{found}")
    identity = _check(source, marker, is_forced)
    try:
        draft = _prepare(directory, source, identity, clock)
        kept = _exchange(directory, draft)
        if marker != identity.instance_id:
            directory.write_marker(identity.instance_id)
    except OSError as error:
        raise StorageError(f"{source} could not be put in place: {error}. Repeat the command.") from error
    placed = open_reader(directory.database)
    try:
        return Restored(identify(placed, directory.database), source, kept, tuple(passed_over))
    finally:
        placed.close()


def _read_marker(directory: DataDirectory) -> str | None:
    try:
        return directory.read_marker()
    except StorageError:
        # Damaged as well: the backup says to whom it belongs.
        return None


def _check(source: Path, marker: str | None, is_forced: bool) -> Identity:
    identity, faults = examine(source)
    if identity is None or faults:
        raise StorageError(f"{source} cannot be restored: {' '.join(faults)} Choose another backup.")
    if marker not in (None, identity.instance_id) and not is_forced:
        raise ConflictError(
            f"{source} belongs to instance {identity.instance_id}, and this directory to instance {marker}. "
            "Choose a backup of the same instance, or replace the data by those of another one with --force."
        )
    return identity


def _prepare(directory: DataDirectory, source: Path, identity: Identity, clock: Clock) -> Path:
    """Return a complete copy beside the database, in a later epoch than any before."""
    draft = directory.path / f"{directory.database.name}.restored"
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    shutil.copyfile(source, draft)
    database = connect(draft, None)
    try:
        database.rows("PRAGMA journal_mode = DELETE")
        database.rows("PRAGMA synchronous = EXTRA")
        _go_ahead(database, identity, _epoch_of(directory.database), source, clock)
    finally:
        database.close()
    sync_file(draft)
    return draft


def _go_ahead(database: Database, identity: Identity, known_epoch: int, source: Path, clock: Clock) -> None:
    ahead = max(known_epoch - identity.epoch, 0) + EPOCHS_AHEAD
    told = orjson.dumps(
        {"kind": "restored", "file": str(source), "epoch": identity.epoch, "last_seq": identity.last_seq}
    )
    database.begin()
    try:
        if identity.schema_version >= 3:
            database.rows(_OPEN_EPOCH, (ahead, clock.wall()))
            database.rows(_SAVE_DOCUMENT, (OFFLINE_CHANGE, told))
        else:
            # Rows have no checksums yet.
            database.rows("UPDATE meta SET epoch = epoch + ?", (ahead,))
            database.rows("REPLACE INTO documents (name, value) VALUES (?, ?)", (OFFLINE_CHANGE, told))
        database.rows(_MARK_CLOSED)
        database.commit()
    except BaseException:
        database.rollback()
        raise


def _epoch_of(file: Path) -> int:
    """Return the epoch of a database that may be damaged, 0 if it does not tell."""
    try:
        reader = open_reader(file)
        try:
            return identify(reader, file).epoch
        finally:
            reader.close()
    except CuelightError:
        return 0


def _exchange(directory: DataDirectory, draft: Path) -> Path | None:
    """Put what is there aside, then the copy in its place; no log of one ever lies beside the other."""
    failpoint("restore.before_exchange")
    kept = _put_aside(directory)
    failpoint("restore.between_renames")
    draft.replace(directory.database)
    sync_directory(directory.path)
    failpoint("restore.after_exchange")
    return kept


def _put_aside(directory: DataDirectory) -> Path | None:
    files = [directory.database, directory.log, directory.database.with_name(f"{directory.database.name}-shm")]
    files += [directory.database.with_name(f"{directory.database.name}-journal")]
    existing = [file for file in files if file.exists()]
    if not existing:
        return None
    number = 1
    while (directory.path / f"damaged-{number}").exists():
        number += 1
    kept = directory.path / f"damaged-{number}"
    kept.mkdir(mode=0o700)
    for file in existing:
        file.replace(kept / file.name)
    sync_directory(kept)
    sync_directory(directory.path)
    return kept
