"""The file of one run: made once, only appended to, and never left with half a line. Knows no document."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from queue_server.disk import sync_directory
from queue_server.failpoints import declare, failpoint

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW

declare("record.before_write", "record.before_sync")


class RecordError(Exception):
    """Documents cannot be recorded: the disk is full, or the directory cannot be written."""


@dataclass(frozen=True, slots=True)
class Disk:
    """What is asked of the operating system for each document and each wait for the disk."""

    write: Callable[[int, bytes | memoryview], int] = os.write
    sync: Callable[[int], None] = os.fdatasync


DISK = Disk()


class RunRecord:
    """A file that takes lines; one thread writes, another may wait for the disk meanwhile."""

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        """Make the file, and the directory that it is in.

        Raises:
            FileExistsError: there is a file of this name.
            OSError: it cannot be made.
        """
        self.path = path
        self._disk = disk
        make_directory(path.parent)
        # Where the directory is shared with a group, whoever serves the files is another user.
        mode = 0o640 if _is_shared(path.parent) else 0o600
        self._descriptor = os.open(path, _FLAGS, mode)
        self._size = 0
        self._is_torn = False
        self._failure = ""
        self._syncing = threading.Lock()
        self.is_dirty = False

    @property
    def failure(self) -> str:
        """Why the file is not what it should be; empty as long as it is."""
        return self._failure

    def refuse(self, reason: str) -> None:
        """Take no more lines but the last one: a document is missing."""
        self._failure = self._failure or reason

    def append(self, line: bytes) -> None:
        """Write a line; a part of one is taken back.

        Raises:
            RecordError: it is not written, or what was written before is not on the disk.
        """
        if self._failure:
            raise RecordError(self._failure)
        self._write(line)

    def append_last(self, line: bytes) -> None:
        """Write the line that ends the file, even where one before it is missing.

        Raises:
            RecordError: it is not written, or the file ends with a part of another.
        """
        if self._is_torn:
            raise RecordError(self._failure)
        self._write(line)

    def sync(self) -> None:
        """Wait until the disk has what was written.

        Raises:
            RecordError: it has not.
        """
        with self._syncing:
            if self._descriptor >= 0:
                self._wait_for_disk()

    def sync_name(self) -> None:
        """Wait until the disk has the file with its name.

        Raises:
            RecordError: it has not.
        """
        self.sync()
        try:
            sync_directory(self.path.parent)
        except OSError as error:
            raise self._fail(f"The name of {self.path} is not on the disk: {error}") from error

    def close(self) -> None:
        """Close the file as it is; a second time does nothing."""
        with self._syncing:
            descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write(self, line: bytes) -> None:
        try:
            failpoint("record.before_write")
            written = self._disk.write(self._descriptor, line)
            while written < len(line):
                # What is left is not copied for that.
                written += self._disk.write(self._descriptor, memoryview(line)[written:])
        except OSError as error:
            self._take_back()
            raise self._fail(f"A document cannot be recorded in {self.path}: {error.strerror or error}") from error
        self._size += len(line)

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            # A last line that is not whole is passed over by whoever reads the file, but only a last one.
            self._is_torn = True

    def _wait_for_disk(self) -> None:
        self.is_dirty = False
        try:
            failpoint("record.before_sync")
            self._disk.sync(self._descriptor)
        except OSError as error:
            # Asked again, it might say that all is well after the data were dropped.
            raise self._fail(f"Documents in {self.path} may be lost: {error.strerror or error}") from error

    def _fail(self, reason: str) -> RecordError:
        self.refuse(reason)
        return RecordError(reason)


def make_directory(path: Path) -> None:
    """Make a directory with those above it, durable, for this user alone or for the group of the one above.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        return
    make_directory(path.parent)
    try:
        path.mkdir(mode=0o770 if _is_shared(path.parent) else 0o700)
    except FileExistsError:
        return
    sync_directory(path.parent)


def _is_shared(directory: Path) -> bool:
    return bool(directory.stat().st_mode & stat.S_ISGID)
