"""Work on the data of one directory, as the command line starts it: ``python -m queue_server.storage VERB``.

The result is one JSON object on the standard output: what was done, or ``{"failed": sentence, "code": …,
"exit_code": n}``. It serves nobody, and knows neither the engine nor the sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import orjson
from msgspec.structs import asdict

from queue_server.clock import Chance, SystemClock
from queue_server.protocol.errors import CuelightError, NotFoundError, StateError
from queue_server.storage.backup import DIRECTORY, back_up, back_up_to, list_backups
from queue_server.storage.base import OFFLINE_CHANGE, Transaction
from queue_server.storage.directory import DataDirectory
from queue_server.storage.exchange import (
    Arrival,
    Counted,
    export_file,
    give_new_uids,
    place_at_back,
    read_file,
    read_lines,
    take_in,
)
from queue_server.storage.integrity import Identity, examine
from queue_server.storage.lock import DirectoryLock, DirectoryLockedError
from queue_server.storage.restoration import restore
from queue_server.storage.sqlite import SqliteStore, SqliteTransaction, open_sqlite

Report = dict[str, Any]


def main() -> int:
    """Do what the command line asks for; return the exit code of the process."""
    options = _parser().parse_args()
    exit_code = 0
    try:
        report = _VERBS[options.verb](options)
        exit_code = report.pop("exit_code", 0)
    except CuelightError as error:
        exit_code = error.exit_code
        report = {"failed": error.message, "code": error.code, "details": error.details, "exit_code": exit_code}
    sys.stdout.write(json.dumps(report) + "\n")
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m queue_server.storage")
    parser.add_argument("verb", choices=sorted(_VERBS))
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--new-uids", action="store_true")
    return parser


def _backup(options: argparse.Namespace) -> Report:
    database = _existing(options.data).database
    if options.file is not None:
        made = back_up_to(database, options.file)
    else:
        directory = options.data / DIRECTORY
        # Whoever asks for one does not want an older one gone for it.
        made = back_up(database, directory, keep=len(list_backups(directory)) + 1)
    return {"file": str(made.file), **_shown(made.identity)}


def _verify(options: argparse.Namespace) -> Report:
    file = options.file or _existing(options.data).database
    identity, faults = examine(file)
    report: Report = {"file": str(file), "sound": not faults, "faults": faults, **_shown(identity)}
    return report | {"exit_code": 5 if faults else 0}


def _restore(options: argparse.Namespace) -> Report:
    files = DataDirectory(options.data)
    files.create()
    lock = _lock(options.data)
    try:
        done = restore(files, options.file, clock=SystemClock(), is_forced=options.force)
    finally:
        lock.release()
    return {
        "file": str(done.source),
        "kept": None if done.kept is None else str(done.kept),
        "passed_over": list(done.passed_over),
        **_shown(done.identity),
    }


def _export(options: argparse.Namespace) -> Report:
    database = _existing(options.data).database
    return {"file": str(options.file), **asdict(export_file(database, options.file))}


def _import(options: argparse.Namespace) -> Report:
    arrivals = read_lines(read_file(options.file))
    if options.new_uids:
        arrivals = give_new_uids(arrivals, Chance())
    _existing(options.data)
    counted = asyncio.run(_take_in(options.data, options.file, arrivals))
    return {"file": str(options.file), **asdict(counted)}


async def _take_in(data: Path, file: Path, arrivals: list[Arrival]) -> Counted:
    try:
        store: SqliteStore = open_sqlite(data, clock=SystemClock(), chance=Chance())
    except DirectoryLockedError as error:
        raise _running(error) from error

    def work(tx: Transaction) -> Counted:
        counted = take_in(cast(SqliteTransaction, tx), place_at_back(tx), arrivals)
        told = {"kind": "imported", "file": str(file), **asdict(counted)}
        tx.save(OFFLINE_CHANGE, orjson.dumps(told))
        return counted

    try:
        return await store.transact(work)
    finally:
        await store.close()


def _existing(data: Path) -> DataDirectory:
    files = DataDirectory(data)
    if not files.database.exists():
        raise NotFoundError(f"There are no data in {data}: {files.database} does not exist.")
    return files


def _lock(data: Path) -> DirectoryLock:
    try:
        return DirectoryLock.acquire(data)
    except DirectoryLockedError as error:
        raise _running(error) from error


def _running(error: DirectoryLockedError) -> StateError:
    return StateError(f"This cannot be done while a manager runs. {error.message}", details=error.details)


def _shown(identity: Identity | None) -> Report:
    if identity is None:
        return {}
    shown = asdict(identity)
    return {"instance": shown.pop("instance_id"), **shown}


_VERBS: dict[str, Callable[[argparse.Namespace], Report]] = {
    "backup": _backup,
    "verify": _verify,
    "restore": _restore,
    "export": _export,
    "import": _import,
}


if __name__ == "__main__":
    sys.exit(main())
