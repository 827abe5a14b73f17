"""Archives that have been made once: kept on the disk by what is in them, the ones that were asked for last.

Nothing depends on it: what is missing here is made again, and gives the same bytes.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Generator, Iterable
from contextlib import closing
from io import FileIO
from pathlib import Path
from typing import Final

from queue_server.artifacts.directory import DRAFTS
from queue_server.artifacts.drafts import create_draft, sweep_drafts
from queue_server.artifacts.reader import PIECE_BYTES
from queue_server.clock import Chance
from queue_server.protocol.records import ManifestEntry

_log = logging.getLogger(__name__)

DIRECTORY: Final = "result-archives"
_NAME = re.compile(r"[0-9a-f]{64}")


def name_archive(manifest: Iterable[ManifestEntry]) -> str:
    """Return by what an archive of these files is known: 64 hexadecimal digits, whatever their order."""
    parts = sorted(f"{entry.name}\0{entry.artifact.id}" for entry in manifest)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class Archives:
    """The archives in a directory, ``most_bytes`` at most; several processes may use it, and any thread.

    Every method waits for the disk. An error of the disk is logged, and costs the archive its place here only.
    """

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._chance = Chance()

    def prepare(self) -> None:
        """Make the directory, and remove what writers that have died have left."""
        try:
            (self._directory / DRAFTS).mkdir(mode=0o700, parents=True, exist_ok=True)
            sweep_drafts(self._directory / DRAFTS)
        except OSError as error:
            _log.warning("No archives can be kept in %s: %s", self._directory, error)

    def find(self, name: str) -> FileIO | None:
        """Return the file of an archive, to be closed by the caller; None if it is not here."""
        path = self._directory / name
        try:
            file = FileIO(path, "r")
        except OSError:
            return None
        try:
            # The one that is asked for least recently goes first.
            os.utime(path)
        except OSError:
            _log.debug("%s was removed while it was opened", path)
        return file

    def keep(self, name: str, pieces: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
        """Give the pieces of an archive as they come, and keep it once all of them have been taken."""
        with closing(pieces):
            try:
                draft, file = create_draft(self._directory / DRAFTS, self._chance)
            except OSError as error:
                _log.warning("An archive is not kept: %s", error)
                yield from pieces
                return
            with file:
                try:
                    yield from self._copy(pieces, file, draft, self._directory / name)
                finally:
                    draft.unlink(missing_ok=True)

    def _copy(
        self, pieces: Generator[bytes, None, None], file: FileIO, draft: Path, path: Path
    ) -> Generator[bytes, None, None]:
        is_kept = True
        for piece in pieces:
            is_kept = is_kept and file.tell() + len(piece) <= self._most_bytes and _write(file, piece)
            yield piece
        if is_kept:
            try:
                os.fsync(file.fileno())
                draft.replace(path)
                self._make_room()
            except OSError as error:
                _log.warning("An archive is not kept: %s", error)

    def _make_room(self) -> None:
        """Remove the archives that were asked for least recently, until the others are small enough together."""
        found = [(each.stat(), each) for each in self._directory.iterdir() if _NAME.fullmatch(each.name)]
        left = sum(about.st_size for about, _ in found)
        for about, path in sorted(found, key=lambda pair: pair[0].st_mtime_ns):
            if left <= self._most_bytes:
                return
            path.unlink(missing_ok=True)
            left -= about.st_size


def _write(file: FileIO, piece: bytes) -> bool:
    left = memoryview(piece)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        _log.warning("An archive is not kept: %s", error)
        return False
    return True


def read_file(file: FileIO, start: int, stop: int) -> Generator[bytes, None, None]:
    """Give the bytes of a file from ``start`` to before ``stop``, and close it."""
    with file:
        while start < stop and (piece := os.pread(file.fileno(), min(PIECE_BYTES, stop - start), start)):
            start += len(piece)
            yield piece
