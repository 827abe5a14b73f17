"""Stored files as a manager looks at them for requests: whether they are there, and whether they are what is said.

It waits for the disk, so that an event loop calls it through a thread. It writes no artifact.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from queue_server.artifacts.store import ArtifactStore, open_artifacts
from queue_server.protocol.errors import NotFoundError, ParameterError, ShuttingDownError
from queue_server.protocol.limits import too_much_at_once

MOST_AT_ONCE: Final = 2
"""Files that are read at once; the threads and the disk are there for others too."""


class Inspector:
    """Looks at the artifacts of a data directory; any thread may call any method. Its block ends what is read."""

    def __init__(self, data: Path, open_store: Callable[[Path], ArtifactStore] = open_artifacts) -> None:
        self._data = data
        self._open_store = open_store
        self._opening = threading.Lock()
        self._reading = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._stopping = threading.Event()
        self._store: ArtifactStore | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let what is being read end with an error."""
        self._stopping.set()

    def find_size(self, artifact_id: str) -> int | None:
        """Return the length of the file of an artifact in bytes, or None if there is none.

        Raises:
            ParameterError: that is not the id of an artifact.
            DamagedArtifactError: what is in its place is not a file.
            StorageError: the artifacts cannot be used.
        """
        try:
            return self._open().size(artifact_id)
        except NotFoundError:
            return None

    def confirm(self, artifact_id: str, size_bytes: int) -> None:
        """Read the whole artifact, and count it as stored now, so that no sweep takes it before it is referred to.

        Raises:
            ParameterError: that is not the id of an artifact, or its file has another length.
            NotFoundError: there is no such artifact.
            DamagedArtifactError: its bytes are not those of the id.
            BusyError: others are being read; nothing was done.
            ShuttingDownError: the manager ends.
            StorageError: the artifacts cannot be used.
        """
        if not self._reading.acquire(blocking=False):
            raise too_much_at_once()
        try:
            self._read(artifact_id, size_bytes)
        finally:
            self._reading.release()

    def _read(self, artifact_id: str, size_bytes: int) -> None:
        store = self._open()
        with store.open(artifact_id) as reader:
            if reader.size_bytes != size_bytes:
                raise ParameterError(
                    f"The artifact {artifact_id} has {reader.size_bytes} bytes, and not {size_bytes}: register the "
                    "file that was stored.",
                    field="size_bytes",
                    details={"size_bytes": reader.size_bytes},
                )
            store.renew(artifact_id)
            for _ in reader:
                if self._stopping.is_set():
                    raise ShuttingDownError("The manager is stopping; the file was not registered.")

    def _open(self) -> ArtifactStore:
        with self._opening:
            if self._store is None:
                self._store = self._open_store(self._data)
            return self._store
