"""Files of recorded runs, read document by document, also while they are being written. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from queue_server.protocol.documents import LONGEST_LINE_BYTES, read_line
from queue_server.protocol.errors import RunFileError


def read_documents(path: Path, most_bytes: int = LONGEST_LINE_BYTES) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and content of each document of a run, in the order in which they were emitted.

    One document at a time is held. A last line that is not whole, which a loss of power can leave or which is just
    being written, ends the reading. A run without a ``stop`` at its end is still open, or was cut off.

    Raises:
        RunFileError: a line before the last one is no document, or is longer than ``most_bytes``.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(most_bytes + 1):
            number += 1
            if len(line) > most_bytes:
                raise RunFileError(f"Line {number} of {path} is longer than {most_bytes} bytes.")
            try:
                document = read_line(line)
            except ValueError as error:
                if not line.endswith(b"\n") or not file.read(1):
                    return
                raise RunFileError(f"Line {number} of {path} is no document: {error}.") from error
            yield document
