"""The reports of a worker: numbered, kept until acknowledged; finish records survive the process in a file.

It opens no sockets; the link sends what is here.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import struct
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from queue_server.disk import sync_directory
from queue_server.failpoints import declare, failpoint
from queue_server.protocol.codec import WORKER_BOUNDS
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.worker_link import (
    CatalogPage,
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
WINDOW_BYTES = 1024 * 1024
"""What may wait for an acknowledgement, beside pages of lists; a manager drops what is more than twice as much."""

RECORD_SPACE_BYTES = 64 * 1024
RECORD_LIMIT_BYTES = 4 * 1024 * 1024
# A worker has one attempt at a time, so that more than a few can only be forged.
MOST_RECORDS = 100

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

    Some may have been acknowledged already: apply each by its attempt, once. A torn record ends the reading, and so
    does one that is too many. Whoever wrote the file is not trusted.

    Raises:
        OSError: the file is there, but cannot be read, or is no ordinary file.
    """
    try:
        content = _read_ordinary_file(path)
    except FileNotFoundError:
        return ()
    records: list[ItemFinished] = []
    for number, frame in enumerate(_frames(content)):
        if number == MOST_RECORDS:
            _log.error("%s has more than %d finish records; the others are passed over", path, MOST_RECORDS)
            break
        try:
            message = read_from_worker(frame)
        except EnvelopeError as error:
            _log.error("A finish record in %s cannot be read: %.1000s", path, error)
            continue
        if isinstance(message, ItemFinished):
            records.append(message)
    return tuple(records)


def _read_ordinary_file(path: Path) -> bytes:
    # A link would lead to a file of somebody else, and a pipe would be waited for.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no ordinary file", str(path))
        return stream.read(RECORD_LIMIT_BYTES)


def discard_finish_records(path: Path) -> None:
    """Delete the file of a worker that is gone, once all that it has in it is committed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        # It only takes room.
        _log.warning("The file %s cannot be deleted: %s", path, error)


def _frames(content: bytes) -> Iterator[bytes]:
    """Yield the frames of a file up to the first that is not whole."""
    position = 0
    while position + _HEADER.size <= len(content):
        size, checksum = _HEADER.unpack_from(content, position)
        position += _HEADER.size
        frame = content[position : position + size]
        if not size or len(frame) != size or zlib.crc32(frame) != checksum:
            return
        yield frame
        position += size


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
        sync_directory(path.parent)

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


class _Kept(Struct, frozen=True):
    report: Report
    size_bytes: int

    @property
    def window_bytes(self) -> int:
        """What it takes of the window; pages are acknowledged only with the end of their lists."""
        return 0 if isinstance(self.report, CatalogPage) else self.size_bytes


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
        self._sent: deque[_Kept] = deque()
        self._sent_bytes = 0
        self._unsent: deque[_Kept] = deque()
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
            self._unsent.append(_Kept(report, size_bytes))
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
            return any(isinstance(kept.report, ItemFinished) for kept in (*self._sent, *self._unsent))

    def _make_room(self) -> None:
        if not self._is_full:
            self._is_full = True
            _log.warning("The manager is away for long: the oldest reports about runs and states are dropped")
        for index, kept in enumerate(self._unsent):
            if isinstance(kept.report, _TOLD_AGAIN):
                del self._unsent[index]
                return

    def take_next(self) -> Report | None:
        """Return the next report to be sent, with its number; None when too many wait for an acknowledgement."""
        with self._changed:
            if not self._unsent or len(self._sent) >= WINDOW:
                return None
            wanted = self._unsent[0].window_bytes
            if wanted and self._sent_bytes and self._sent_bytes + wanted > WINDOW_BYTES:
                return None
            kept = self._unsent.popleft()
            self._sent.append(kept)
            self._sent_bytes += wanted
            return kept.report.model_copy(update={"number": self._acknowledged + len(self._sent)})

    def give_back(self) -> None:
        """Take the last report back that ``take_next`` returned: it could not be sent."""
        with self._changed:
            kept = self._sent.pop()
            self._sent_bytes -= kept.window_bytes
            self._unsent.appendleft(kept)

    def rewind(self) -> None:
        """Begin again with the first report that is not acknowledged, for a new connection."""
        with self._changed:
            self._unsent.extendleft(reversed(self._sent))
            self._sent.clear()
            self._sent_bytes = 0

    def acknowledge(self, number: int) -> None:
        """Forget every report up to and including ``number``."""
        with self._changed:
            while self._sent and self._acknowledged < number:
                self._sent_bytes -= self._sent.popleft().window_bytes
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
            waiting = [kept.report for kept in (*self._sent, *self._unsent)]
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
