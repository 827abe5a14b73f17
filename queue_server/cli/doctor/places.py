"""Observes files, disks and clocks of a system. It opens nothing but the ready file, and changes nothing."""

from __future__ import annotations

import ctypes
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from queue_server.cli.doctor.facts import ClockFacts, DiskFacts, FileFacts, FileKind
from queue_server.client.addresses import read_ready_file
from queue_server.config import Settings
from queue_server.protocol.errors import CuelightError

DATABASE = "queue.sqlite"
BALLAST = "ballast"
BACKUPS = "backups"
WORKERS = "workers"
LOCK = "lock"
API_KEY = "api-key"
LINK = "link.sock"

_UNSYNCHRONISED = 5  # TIME_ERROR
_TIMEX_BYTES = 512


def observe_files(settings: Settings) -> list[FileFacts]:
    """Return the files and directories whose modes matter: those that are there, and those that settings name."""
    data = settings.data
    found = [_observe(data, "directory", "the data directory")] if data.exists() else []
    found += list(_files_in(data))
    for name in (BACKUPS, WORKERS):
        if (data / name).is_dir():
            kind: FileKind = "shared" if name == WORKERS else "directory"
            found.append(_observe(data / name, kind, f"the directory of the {name}"))
    found += [_observe(path, "private", "a backup") for path in _list(data / BACKUPS) if path.suffix == ".sqlite"]
    return found + list(_named_files(settings))


def observe_disk(path: Path, data: Path, *, wants_ballast: bool) -> DiskFacts | None:
    """Return how full the disk of a directory is, or None if there is no directory."""
    try:
        seen = os.statvfs(path)
    except OSError:
        return None
    database_bytes = sum(_size(data / name) for name in (DATABASE, f"{DATABASE}-wal"))
    free_files = seen.f_favail if seen.f_files else None  # some file systems have no limit
    free_bytes = seen.f_bavail * seen.f_frsize
    return DiskFacts(path, free_bytes, free_files, database_bytes, (data / BALLAST).exists(), wants_ballast)


def observe_clock(data: Path, manager_age_s: float | None) -> ClockFacts:
    """Return the wall clock, and how far it has left the monotonic one since the manager locked the directory."""
    now, moved_s = time.time(), None
    if manager_age_s is not None:
        with suppress(OSError):
            moved_s = now - (data / LOCK).stat().st_mtime - manager_age_s
    return ClockFacts(now, is_synchronised(), moved_s)


def is_synchronised() -> bool | None:
    """Return whether the kernel believes that the clock is kept right; None if it does not tell."""
    try:
        # All modes are 0, so that the clock is only read.
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


def owner_of(path: Path) -> int | None:
    """Return the user who owns a path, or None if it is not there."""
    try:
        return path.stat().st_uid
    except OSError:
        return None


def read_ready(settings: Settings) -> dict[str, object]:
    """Return what the running system wrote about itself, if this is known where."""
    if settings.ready_file is None:
        return {}
    try:
        return read_ready_file(settings.ready_file, required=False)
    except CuelightError:
        return {}


def _files_in(data: Path) -> Iterator[FileFacts]:
    for path in _list(data):
        with suppress(OSError):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                yield _observe(path, _kind_of(path), _name_of(path))
            elif stat.S_ISSOCK(mode):
                kind: FileKind = "link" if path.name == LINK else "socket"
                yield _observe(path, kind, "a private socket")


def _kind_of(path: Path) -> FileKind:
    if ".sqlite" in path.name:
        return "database"
    return "secret" if path.name == API_KEY else "private"


def _name_of(path: Path) -> str:
    if ".sqlite" in path.name:
        return "the database"
    return "the API key" if path.name == API_KEY else "a file of the data directory"


def _named_files(settings: Settings) -> Iterator[FileFacts]:
    named: Iterable[tuple[Path | None, FileKind, str]] = (
        (settings.api_key_file, "secret", "the API key (setting api_key_file)"),
        (settings.curve_secret_key_file, "secret", "the key of the manager (setting curve_secret_key_file)"),
        (settings.worker_key_file, "secret", "the key of the workers (setting worker_key_file)"),
        (settings.tls_key, "tls_key", "the private key of the certificate (setting tls_key)"),
    )
    for path, kind, name in named:
        if path is not None:
            yield _observe(path, kind, name)
    for path, name in (
        (settings.curve_clients_file, "curve_clients_file"),
        (settings.curve_workers_file, "curve_workers_file"),
    ):
        if path is not None:
            yield _observe(path, "list", f"the list of keys (setting {name})")
            yield from (_observe(each, "list", f"a list of keys (setting {name})") for each in _list(path))


def _observe(path: Path, kind: FileKind, name: str) -> FileFacts:
    try:
        seen = path.stat()
    except OSError:
        return FileFacts(path, kind, name, None, None)
    return FileFacts(path, kind, name, stat.S_IMODE(seen.st_mode), seen.st_uid)


def _list(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
