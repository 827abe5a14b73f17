"""The lock on a data directory, held by the one process that uses it. It knows nothing of what the directory holds."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from queue_server.failpoints import declare, failpoint
from queue_server.protocol.errors import StorageError

declare("store.before_lock", "store.after_lock")

LOCK_FILE = "lock"
_PID_LENGTH = 32


class DirectoryLockedError(StorageError):
    """Another process uses the data directory."""


class DirectoryLock:
    """An exclusive lock that ends with the process, however that dies."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    @classmethod
    def acquire(cls, path: Path) -> DirectoryLock:
        """Lock the directory ``path`` and write the own process id into its lock file.

        Raises:
            DirectoryLockedError: another process holds the lock; nothing was changed.
            StorageError: the lock file cannot be opened or written.
        """
        file = path / LOCK_FILE
        try:
            failpoint("store.before_lock")
            # The file is never deleted: a new one of the same name could be locked beside it.
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _unusable(file, error) from error
        try:
            _take(handle, path)
        except BaseException:
            os.close(handle)
            raise
        return cls(handle)

    def release(self) -> None:
        """Let go of the directory; a second call does nothing."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None


def _take(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        failpoint("store.after_lock")
    except BlockingIOError as error:
        holder = os.pread(handle, _PID_LENGTH, 0).decode(errors="replace").strip()
        raise _refusal(path, holder) from error
    except OSError as error:
        raise _unusable(path / LOCK_FILE, error) from error


def _unusable(file: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{file} cannot be opened for writing: {error.strerror}. Give this user write access to its directory, "
        "or choose another data directory (--data)."
    )


def _refusal(path: Path, holder: str) -> DirectoryLockedError:
    who = f"process {holder}" if holder else "another process"
    return DirectoryLockedError(
        f"The data directory {path} is in use by {who}. "
        f"End that manager first (cuelight down --data {path}), or choose another directory (--data).",
        details={"pid": int(holder)} if holder.isdecimal() else None,
    )
