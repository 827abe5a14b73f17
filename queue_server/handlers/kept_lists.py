"""Long lists as they were told last, so that whoever asks for the same again need not wait until it is read again.

Their text is kept in files without names, which go with the process: the memory of the manager has no room for it. It
knows neither the store nor what the entries are. What is found is what was read, as their checksums tell.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar
from zlib import crc32

from msgspec import Struct, field

from queue_server.protocol.errors import CuelightError
from queue_server.protocol.written_list import Piece, TextPiece

_log = logging.getLogger(__name__)

M = TypeVar("M")

MOST_BYTES = 64 * 1024 * 1024
"""The longest text that is kept of one list."""
JOINED_ENTRIES = 500
"""Up to so many entries, what is added later goes into the piece that is there."""


class KeptTextError(CuelightError):
    """What was kept of a list does not say any more what was written into it."""

    code = "storage_damaged"
    http_status = 503
    exit_code = 5


class TextFile:
    """A file without a name, which is only added to."""

    def __init__(self) -> None:
        self._file, name = tempfile.mkstemp(prefix="cuelight-list-")
        weakref.finalize(self, os.close, self._file)
        os.unlink(name)
        self.size = 0
        self.is_sound = True

    def write(self, text: bytes) -> None:
        """Add to the file.

        Raises:
            OSError: there is no room for it, or the disk has failed; nothing that was there has changed.
        """
        if os.pwrite(self._file, text, self.size) < len(text):
            raise OSError("There is no room for the text.")
        self.size += len(text)

    def read(self, piece: FilePiece) -> bytes:
        """Return the text of a piece.

        Raises:
            KeptTextError: it is not what was written; nothing of the file is used any more.
        """
        try:
            text = os.pread(self._file, piece.size, piece.start)
        except OSError as error:
            raise self._give_up() from error
        if crc32(text) != piece.checksum:
            raise self._give_up()
        return text

    def _give_up(self) -> KeptTextError:
        self.is_sound = False
        return KeptTextError("What was kept of a list is damaged, and was given up. Repeat the request.")


@dataclass(frozen=True, slots=True)
class FilePiece(Piece):
    """Entries whose text is a part of such a file."""

    file: TextFile
    count: int
    start: int
    size: int
    checksum: int

    def text(self) -> bytes:
        """Return the text; raises as ``TextFile.read``."""
        return self.file.read(self)

    def extended(self, piece: Piece, text: bytes) -> FilePiece:
        """Return this piece, the last of its file, and another one behind it as one."""
        more = b"," + text
        self.file.write(more)
        size, checksum = self.size + len(more), crc32(more, self.checksum)
        return replace(self, count=self.count + piece.count, size=size, checksum=checksum)


class Kept(Struct, Generic[M], frozen=True):
    """A list as it was read; ``mark`` is what its reader has to know of that."""

    mark: M
    file: TextFile
    pieces: tuple[FilePiece, ...]

    @property
    def size(self) -> int:
        """How many entries it has."""
        return sum(piece.count for piece in self.pieces)


class KeptList(Struct, Generic[M]):
    """The last reading of one list; ``keep`` may be called in any thread."""

    most_bytes: int = MOST_BYTES
    _kept: Kept[M] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def latest(self) -> Kept[M] | None:
        """What is kept, if anything is."""
        kept = self._kept
        return kept if kept is not None and kept.file.is_sound else None

    def keep(self, mark: M, pieces: Sequence[Piece], base: Kept[M] | None = None) -> Sequence[Piece]:
        """Keep ``pieces``, behind those of ``base`` if that is given, and return all of them.

        Without room, or where somebody else was quicker, nothing is kept, and they are returned as they are.
        """
        known = () if base is None else base.pieces
        with self._lock:
            if (base is not None and base is not self._kept) or not all(isinstance(each, TextPiece) for each in pieces):
                return (*known, *pieces)
            self._kept = None
            try:
                file = TextFile() if base is None else base.file
                self._kept = Kept(mark, file, self._write(file, known, pieces))
            except OSError as error:
                _log.info("A long list is not kept: %s", error)
                return (*known, *pieces)
            return self._kept.pieces

    def _write(self, file: TextFile, known: Sequence[FilePiece], pieces: Sequence[Piece]) -> tuple[FilePiece, ...]:
        written = list(known)
        for piece in pieces:
            if not piece.count:
                continue
            text = piece.text()
            if file.size + len(text) > self.most_bytes:
                raise OSError(f"It has more than {self.most_bytes} bytes.")
            if written and written[-1].count + piece.count <= JOINED_ENTRIES:
                written[-1] = written[-1].extended(piece, text)
            else:
                written.append(FilePiece(file, piece.count, file.size, len(text), crc32(text)))
                file.write(text)
        return tuple(written)


class QueueMark(NamedTuple):
    """The queue of a lane at a revision of the queues."""

    lane: str
    revision: int


class HistoryMark(NamedTuple):
    """The history at a revision: the number of its newest entry, and below which it goes on, None if it is all."""

    revision: int
    newest: int
    before: int | None


class KeptLists(Struct, frozen=True):
    """What is kept of the queue that was asked for last, and of the history."""

    queue: KeptList[QueueMark] = field(default_factory=KeptList[QueueMark])
    history: KeptList[HistoryMark] = field(default_factory=KeptList[HistoryMark])
