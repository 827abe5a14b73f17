"""Drafts: files that are still being written, each locked by its writer, and removed once nobody holds the lock.

The lock ends with the process that holds it, however that dies, so that no record of who writes is needed.
"""

from __future__ import annotations

import fcntl
import logging
import os
from io import FileIO
from pathlib import Path

from queue_server.clock import Chance

logger = logging.getLogger(__name__)


def create_draft(directory: Path, chance: Chance) -> tuple[Path, FileIO]:
    """Create an empty file for this user alone, locked until it is closed; return its path and it.

    Raises:
        OSError: that is not possible.
    """
    while True:
        path = directory / chance.identifier()
        try:
            file = FileIO(path, "x", opener=_open)
        except FileExistsError:
            continue
        try:
            if _hold(file):
                return path, file
        except BaseException:
            path.unlink(missing_ok=True)
            file.close()
            raise
        # Somebody has swept it between its creation and its lock.
        file.close()


def sweep_drafts(directory: Path) -> int:
    """Remove the drafts of writers that have died; return how many. A draft that cannot be removed is logged.

    Raises:
        OSError: the directory cannot be read.
    """
    return sum(_sweep(directory / name) for name in os.listdir(directory))


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _hold(file: FileIO) -> bool:
    """Lock a new file; return whether it is still there. With the lock nobody else removes it."""
    # The mask of the process may have taken more away.
    os.fchmod(file.fileno(), 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0


def _sweep(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(handle)
    except (BlockingIOError, FileNotFoundError):
        # Its writer lives, or has just made it an artifact, or another process sweeps too.
        return False
    except OSError as error:
        logger.warning("%s was left by a writer that has died, and cannot be removed: %s", path, error)
        return False
    return True
