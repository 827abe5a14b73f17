"""The artifacts as a gateway reads and writes them: in threads of its own, and opened when they are first needed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

from http_gateway.result_files.archives import DIRECTORY, Archives
from queue_server.artifacts.store import ArtifactStore, open_artifacts

T = TypeVar("T")
_THREADS = 4


class Shelf:
    """The artifacts of a data directory; for one event loop. Close it at the end."""

    def __init__(self, data: Path, most_archive_bytes: int) -> None:
        self.archives = Archives(data / DIRECTORY, most_archive_bytes)
        self._data = data
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="result-files")
        self._opening = threading.Lock()
        self._store: ArtifactStore | None = None

    def close(self) -> None:
        """Wait for what is going on; nothing can be read afterwards."""
        self._threads.shutdown()

    async def run(self, work: Callable[[ArtifactStore], T]) -> T:
        """Return what a function returns that waits for the disk.

        Raises:
            StorageError: the artifacts cannot be used.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self._open()))

    async def flow(self, pieces: Generator[bytes, None, None]) -> AsyncGenerator[bytes]:
        """Give what a generator gives that waits for the disk; it is closed as soon as nobody reads on."""
        taking = threading.Lock()

        def take() -> bytes | None:
            with taking:
                return next(pieces, None)

        def close() -> None:
            # Whoever stops reading leaves a thread behind that may still be at work on the next piece.
            with taking:
                pieces.close()

        loop = asyncio.get_running_loop()
        try:
            while (piece := await loop.run_in_executor(self._threads, take)) is not None:
                yield piece
        finally:
            self._threads.submit(close)

    def _open(self) -> ArtifactStore:
        with self._opening:
            if self._store is None:
                self.archives.prepare()
                self._store = open_artifacts(self._data)
            return self._store


def provide_shelf(application: Any, shelf: Shelf) -> None:
    """Let routes find the artifacts."""
    application.state.shelf = shelf


def shelf_of(connection: HTTPConnection) -> Shelf:
    """Return the artifacts of the application."""
    shelf: Shelf = connection.app.state.shelf
    return shelf
