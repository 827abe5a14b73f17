"""The reports of a worker: numbered, kept until acknowledged; finish records survive the process in a file.

It opens no sockets; the link sends what is here.
"""

from __future__ import annotations

import logging
import os
import stat
import struct
import threading
import zlib
from collections import deque
from pathlib import Path

from queue_server.failpoints import declare, failpoint
from queue_server.protocol.codec import WORKER_BOUNDS
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.worker_link import (
    ItemFinished,
    Report,
    REStateChanged,
    RunClosed,
    RunOpened,
    TaskFinished,
    pack,
    read_from_worker,
)

_log = logging.getLogger(__name__)

UNNUMBERED = 0
"""The number of a report that the outbox has not numbered yet."""

CAPACITY = 10_000
WINDOW = 2000
RECORD_SPACE_BYTES = 64 * 1024
RECORD_LIMIT_BYTES = 4 * 1024 * 1024

# What a hello and the finish record tell again: the oldest of these make room when the manager is away for long.
_TOLD_AGAIN = (REStateChanged, RunOpened, RunClosed)
_HEADER = struct.Struct(">II")
_END = bytes(_HEADER.size)

declare("outbox.before_sync", "outbox.after_sync")


def finish_record_path(directory: Path, incarnation: str) -> Path:
    """Return where a worker keeps the finish records that are not acknowledged."""
    return directory / f"outbox-{incarnation}"


def read_finish_records(path: Path) -> tuple[ItemFinished, ...]:
    """Return the finish records that a worker left, oldest first; none where there is no file.

    Some may have been acknowledged already: apply each by its attempt, once. A torn record ends the reading.

    Raises:
        OSError: the file is there, but cannot be read.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(RECORD_LIMIT_BYTES)
    except FileNotFoundError:
        return ()
    records: list[ItemFinished] = []
    while (frame := _first_frame(content)) is not None:
        content = content[_HEADER.size + len(frame) :]
        try:
            message = read_from_worker(frame)
        except EnvelopeError as error:
            _log.error("A finish record in %s cannot be read: %s", path, error)
            continue
        if isinstance(message, ItemFinished):
            records.append(message)
    return tuple(records)


def discard_finish_records(path: Path) -> None:
    """Delete the file of a worker that is gone, once all that it has in it is committed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        # It only takes room.
        _log.warning("The file %s cannot be deleted: %s", path, error)


def _first_frame(content: bytes) -> bytes | None:
    if len(content) < _HEADER.size:
        return None
    size, checksum = _HEADER.unpack_from(content)
    frame = content[_HEADER.size : _HEADER.size + size]
    return frame if size and len(frame) == size and zlib.crc32(frame) == checksum else None


class FinishRecords:
    """The file of finish records: each is on the disk when ``append`` returns.

    The file is filled with zeros once and then overwritten from its beginning as soon as everything is acknowledged,
    so that a sync has no file system metadata to write. Use it from one thread.
    """

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            OSError: it exists already, or cannot be created.
        """
        self._path = path
        self._position = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        # Where the directory is shared with a group, the manager is another user and has to read what is left.
        is_shared = bool(path.parent.stat().st_mode & stat.S_ISGID)
        self._descriptor = os.open(path, flags, 0o640 if is_shared else 0o600)
        os.pwrite(self._descriptor, bytes(RECORD_SPACE_BYTES), 0)
        os.fsync(self._descriptor)
        _sync_directory(path.parent)

    def append(self, record: ItemFinished, *, alone: bool) -> None:
        """Write a record and wait for the disk; ``alone`` says that no earlier one is needed.

        Raises:
            OSError: it is not on the disk, or the file would exceed its limit.
        """
        frame = pack(record)
        position = 0 if alone else self._position
        block = _HEADER.pack(len(frame), zlib.crc32(frame)) + frame
        if position + len(block) + len(_END) > RECORD_LIMIT_BYTES:
            raise OSError(f"{self._path} would exceed {RECORD_LIMIT_BYTES} bytes")
        os.pwrite(self._descriptor, block + _END, position)
        failpoint("outbox.before_sync")
        os.fdatasync(self._descriptor)
        failpoint("outbox.after_sync")
        self._position = position + len(block)

    def close(self, *, remove: bool) -> None:
        """Close the file, and delete it if nobody needs it any more."""
        os.close(self._descriptor)
        if remove:
            self._path.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Outbox:
    """Reports in their order, from any thread, until the manager has committed them.

    A report gets its number when it is sent, so that numbers have no gap even where a report had to be dropped, and
    again on each connection, beginning after the last one that is acknowledged.
    """

    def __init__(self, records: FinishRecords | None = None, *, capacity: int = CAPACITY) -> None:
        self._records = records
        self._capacity = capacity
        self._changed = threading.Condition()
        self._acknowledged = 0
        self._sent: deque[Report] = deque()
        self._unsent: deque[Report] = deque()
        self._is_full = False

    def put(self, report: Report) -> None:
        """Keep a report until it is acknowledged; a finish record is on the disk before it can be sent.

        Raises:
            TypeError: it contains a value that cannot be put into a message.
            ValueError: it exceeds the size of a message.
        """
        size_bytes = len(pack(report))
        if size_bytes > WORKER_BOUNDS.size_bytes:
            raise ValueError(f"A report of {size_bytes} bytes is too large; at most {WORKER_BOUNDS.size_bytes} fit")
        if isinstance(report, ItemFinished):
            self._record(report)
        with self._changed:
            self._unsent.append(report)
            if len(self._sent) + len(self._unsent) > self._capacity:
                self._make_room()

    def _record(self, report: ItemFinished) -> None:
        if self._records is None:
            return
        try:
            self._records.append(report, alone=not self._holds_finish())
        except OSError as error:
            # A sync is never tried again, since the second one may succeed after the data were dropped.
            _log.error("Finish records are kept in memory only from now on: %s", error)
            self._records.close(remove=False)
            self._records = None

    def _holds_finish(self) -> bool:
        with self._changed:
            return any(isinstance(report, ItemFinished) for report in (*self._sent, *self._unsent))

    def _make_room(self) -> None:
        if not self._is_full:
            self._is_full = True
            _log.warning("The manager is away for long: the oldest reports about runs and states are dropped")
        for index, report in enumerate(self._unsent):
            if isinstance(report, _TOLD_AGAIN):
                del self._unsent[index]
                return

    def take_next(self) -> Report | None:
        """Return the next report to be sent, with its number; None when too many wait for an acknowledgement."""
        with self._changed:
            if not self._unsent or len(self._sent) >= WINDOW:
                return None
            report = self._unsent.popleft()
            self._sent.append(report)
            return report.model_copy(update={"number": self._acknowledged + len(self._sent)})

    def give_back(self) -> None:
        """Take the last report back that ``take_next`` returned: it could not be sent."""
        with self._changed:
            self._unsent.appendleft(self._sent.pop())

    def rewind(self) -> None:
        """Begin again with the first report that is not acknowledged, for a new connection."""
        with self._changed:
            self._unsent.extendleft(reversed(self._sent))
            self._sent.clear()

    def acknowledge(self, number: int) -> None:
        """Forget every report up to and including ``number``."""
        with self._changed:
            while self._sent and self._acknowledged < number:
                self._sent.popleft()
                self._acknowledged += 1
            self._is_full = self._is_full and bool(self._sent or self._unsent)
            self._changed.notify_all()

    @property
    def is_empty(self) -> bool:
        """Whether everything is acknowledged."""
        with self._changed:
            return not self._sent and not self._unsent

    @property
    def ended_tasks(self) -> tuple[str, ...]:
        """The uids of the tasks whose end is not acknowledged."""
        with self._changed:
            waiting = (*self._sent, *self._unsent)
            return tuple(report.task_uid for report in waiting if isinstance(report, TaskFinished))

    @property
    def first_number(self) -> int:
        """The number of the first report that is not acknowledged, whether there is one or not."""
        return self._acknowledged + 1

    def wait_empty(self, timeout_s: float) -> bool:
        """Wait until everything is acknowledged; return whether that happened in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._sent and not self._unsent, timeout_s)

    def close(self) -> None:
        """Close the file of finish records; it stays where one of them is not acknowledged."""
        if self._records is not None:
            self._records.close(remove=not self._holds_finish())
            self._records = None
