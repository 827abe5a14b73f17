"""What can be told of a store by looking at it: ``python -m queue_server.storage.health --data DIR``.

It prints one JSON object for each part, the quick ones first, so that whoever waits no longer has those. It changes
nothing: it takes no lock and writes no file, and it needs neither a manager nor a sound database.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apsw

from queue_server.protocol.errors import CuelightError, StorageError
from queue_server.storage.backup import DIRECTORY, list_backups
from queue_server.storage.database import Database
from queue_server.storage.directory import NETWORK_FILE_SYSTEMS, DataDirectory, file_system_type
from queue_server.storage.integrity import find_faults, identify, open_reader
from queue_server.storage.sql import statement

Part = dict[str, Any]

BACK_BY_S = 1.0
"""From how many seconds on an event that is older than the one before it counts as a step of the clock."""

_CLOCK_STEPS = statement("clock_steps")
_NEWEST_EVENT = statement("newest_event")
_LEFT_IN_ORDER = statement("left_in_order")


def main() -> int:
    """Print what the data directory of the command line is like; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m queue_server.storage.health")
    parser.add_argument("--data", type=Path, required=True)
    for part in describe(parser.parse_args().data):
        sys.stdout.write(json.dumps(part) + "\n")
        sys.stdout.flush()
    return 0


def describe(data: Path) -> Iterator[Part]:
    """Yield what a data directory is like, part by part: its surroundings, the data, the newest backup."""
    files = DataDirectory(data)
    yield {"part": "surroundings", **_surroundings(files)}
    yield {"part": "data", **_look_at_data(files)}
    backups = list_backups(data / DIRECTORY)
    if backups:
        yield {"part": "backup", **_look_at(backups[0], is_still=True)}


def _surroundings(files: DataDirectory) -> Part:
    backups = list_backups(files.path / DIRECTORY)
    newest = backups[0] if backups else None
    return {
        "sqlite": apsw.sqlite_lib_version(),
        "network": _network_of(files.path),
        "misfit": _misfit_of(files),
        "is_used": files.marker.exists() or files.database.exists(),
        "backups": len(backups),
        "newest_backup": None if newest is None else str(newest),
        "backup_time": None if newest is None else newest.stat().st_mtime,
        "marker_time": files.marker.stat().st_mtime if files.marker.exists() else None,
    }


def _network_of(path: Path) -> str | None:
    """Return the name of the file system if it is one of a network; a directory that is missing is made on it."""
    existing = next(place for place in (path, *path.absolute().parents) if place.exists())
    try:
        return NETWORK_FILE_SYSTEMS.get(file_system_type(existing) & 0xFFFFFFFF)
    except StorageError:
        return None


def _misfit_of(files: DataDirectory) -> str | None:
    """Return what would make a manager refuse the files before it opens the database."""
    try:
        files.check_files()
    except (StorageError, OSError) as error:
        return str(error)
    return None


def _look_at_data(files: DataDirectory) -> Part:
    if not files.database.exists():
        return {"identity": None, "faults": [], "is_there": False}
    # A database without a log is complete, and SQLite is kept from making one beside it.
    is_still = not files.has_log() and not files.log.exists()
    seen = _look_at(files.database, is_still=is_still)
    if is_still and files.log.exists():
        # Somebody has begun to use it meanwhile.
        seen = _look_at(files.database, is_still=False)
    return {"is_there": True, **seen}


def _look_at(file: Path, *, is_still: bool) -> Part:
    part: Part = {"file": str(file), "identity": None, "faults": []}
    try:
        with closing(_open_still(file) if is_still else open_reader(file)) as database:
            # One state of the data, whatever is written meanwhile.
            database.rows("BEGIN")
            found = identify(database, file)
            part["identity"] = {"instance": found.instance_id, "epoch": found.epoch, "last_seq": found.last_seq}
            part |= _read_times(database)
            part["faults"] = list(find_faults(database))
    except CuelightError as error:
        part["faults"] = [error.message]
    return part


def _open_still(file: Path) -> Database:
    """Open a file that nobody writes into; nothing is made beside it."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    try:
        connection = apsw.Connection(f"file:{quote(str(file.absolute()))}?immutable=1", flags=flags)
    except apsw.Error as error:
        raise StorageError(f"{file} cannot be read: {error}.") from error
    database = Database(connection, file)
    database.keep_log()
    return database


def _read_times(database: Database) -> Part:
    newest = database.row(_NEWEST_EVENT)
    return {
        "steps": [list(row) for row in database.rows(_CLOCK_STEPS, (BACK_BY_S,))],
        "newest_event": None if newest is None else newest[0],
        "left_in_order": database.row(_LEFT_IN_ORDER) == (1,),
    }


if __name__ == "__main__":
    sys.exit(main())
