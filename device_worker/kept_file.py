"""A file on the disk made an artifact. Which files are kept, and where they are seen, is decided elsewhere."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path, PurePosixPath
from typing import Final

from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.reader import PIECE_BYTES
from queue_server.artifacts.store import ArtifactStore
from queue_server.protocol.records import DEFAULT_CONTENT_TYPE, Artifact

_CONTENT_TYPES: Final = {
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".json": "application/json",
    ".png": "image/png",
    ".txt": "text/plain",
    ".csv": "text/csv",
}


def find_content_type(name: str) -> str:
    """Return the media type of a file by its ending."""
    known = _CONTENT_TYPES.get(PurePosixPath(name).suffix.lower())
    return known or mimetypes.guess_type(name, strict=False)[0] or DEFAULT_CONTENT_TYPE


def keep_file(store: ArtifactStore, path: Path, content_type: str, sha256: str | None = None) -> Artifact:
    """Copy a regular file into the store, durably, and return what it is there.

    Raises:
        OSError: the file cannot be read, or is a link.
        StorageError: there is no room for it, or the store cannot be written.
        ParameterError: it is larger than an artifact can be, or not what ``sha256`` says.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        expected = Expectation(size_bytes=size_bytes, sha256=sha256, content_type=content_type)
        with store.begin(expected) as writer:
            while piece := file.read(PIECE_BYTES):
                writer.write(piece)
            return writer.commit()
