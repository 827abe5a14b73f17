"""The documents of a run as its file grows: each whole line once. It waits for nothing, and knows no socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from queue_server.client.run_location import open_run_file
from queue_server.protocol.documents import read_line

MOST_AT_ONCE_BYTES = 4 * 1024**2
"""How much is read before others have their turn; a longer line is read as a whole."""

UNREADABLE = "unreadable"
"""The name of what stands in the place of a damaged line, so that the numbers of those behind it hold."""

Document = tuple[str, dict[str, Any]]


class RunTail:
    """Reads what was added to the file of a run since the last time; by one thread at a time."""

    def __init__(self, data: Path, run: Mapping[str, Any]) -> None:
        """``run`` is what the manager tells of it; its file lies below ``data``."""
        self._data = data
        self._run = run
        self._at = 0

    def read(self) -> tuple[list[Document], bool]:
        """Return the next documents, and whether the end of the file was reached.

        Raises:
            NotFoundError: the file is not there, or on another host.
            RunFileError: it cannot be read.
        """
        documents: list[Document] = []
        with open_run_file(self._data, self._run) as file:
            begun = self._at
            for line in _split(file.pieces(begun)):
                self._at += len(line) + 1
                documents.append(_read(line))
                if self._at - begun >= MOST_AT_ONCE_BYTES:
                    return documents, False
        return documents, True


def _split(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines that are whole, without their ends."""
    begun: list[bytes] = []
    for piece in pieces:
        *lines, rest = piece.split(b"\n")
        for line in lines:
            yield b"".join((*begun, line))
            begun.clear()
        begun.append(rest)


def _read(line: bytes) -> Document:
    try:
        return read_line(line)
    except ValueError:
        return UNREADABLE, {}
