"""Reading one artifact: its bytes are compared with its id while they are read. It changes nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from io import FileIO
from types import TracebackType
from typing import Final, Self

from queue_server.protocol.errors import CuelightError

PIECE_BYTES: Final = 256 * 1024
"""How much is read at once; the last piece of a file may be shorter."""


class DamagedArtifactError(CuelightError):
    """A file does not hold any more what was written into it."""

    code = "storage_damaged"
    http_status = 503
    exit_code = 5


class ArtifactReader:
    """The bytes of one artifact; several may read it, each with a reader of its own.

    Iterating gives them piece by piece. The last piece is held back until all bytes were compared with the id: whoever
    has got all pieces has got what was written, and from a damaged file nobody gets all. A file that is removed
    meanwhile can be read to its end.
    """

    def __init__(self, artifact_id: str, file: FileIO) -> None:
        self._artifact_id = artifact_id
        self._file = file
        self._size_bytes = os.fstat(file.fileno()).st_size

    @property
    def size_bytes(self) -> int:
        """Length of the file when it was opened: of a sound file, that of the artifact."""
        return self._size_bytes

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def check(self) -> None:
        """Read all of it.

        Raises:
            DamagedArtifactError: it is not what was written.
        """
        for _ in self:
            pass

    def __iter__(self) -> Iterator[bytes]:
        digest, at, held = hashlib.sha256(), 0, b""
        while piece := self._read(at):
            if held:
                yield held
            digest.update(piece)
            at, held = at + len(piece), piece
            if at > self._size_bytes:
                raise damaged(self._artifact_id, "it grows while it is read")
        found = digest.hexdigest()
        if found != self._artifact_id:
            raise damaged(self._artifact_id, f"it has {at} bytes with the SHA-256 {found}")
        if held:
            yield held

    def part(self, start: int, stop: int) -> Iterator[bytes]:
        """Iterate over the bytes from ``start`` to before ``stop``, which nobody compares: only the whole has an id.

        Raises:
            DamagedArtifactError: the file has fewer bytes, or cannot be read.
        """
        at = start
        while at < stop:
            piece = self._read(at)[: stop - at]
            if not piece:
                raise damaged(self._artifact_id, f"it ends at byte {at}, before {stop}")
            yield piece
            at += len(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, at: int) -> bytes:
        try:
            return os.pread(self._file.fileno(), PIECE_BYTES, at)
        except OSError as error:
            raise damaged(self._artifact_id, f"it cannot be read at byte {at}: {error.strerror}") from error


def damaged(artifact_id: str, how: str) -> DamagedArtifactError:
    """Return the error for a file that is not what was written; ``how`` completes the sentence."""
    return DamagedArtifactError(
        f"The artifact {artifact_id} is damaged: {how}. Store the same file again, or bring it back from a copy.",
        details={"artifact_id": artifact_id},
    )
