"""Where the files of a device go: written in threads, verified, made artifacts, and told to the manager as results.

It decides nothing: it performs what a session orders, in order, and answers with events.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, Final, TypeVar

from http_gateway.dialects.scanhub.effects import (
    AppendUpload,
    DiscardUpload,
    FinishUpload,
    OpenUpload,
    StoreUpload,
    ToSink,
)
from http_gateway.dialects.scanhub.events import UploadBroken, UploadStored, UploadWritten
from http_gateway.dialects.scanhub.registry import Product, Registry
from http_gateway.dialects.scanhub.uploads import PARAMETER_FILE, build_parameter_file
from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.store import ArtifactStore
from queue_server.artifacts.writer import ArtifactWriter
from queue_server.clock import Clock
from queue_server.protocol.errors import CommunicationError, CuelightError
from queue_server.protocol.records import Artifact

MOST_BACKLOG_BYTES: Final = 48 * 1024 * 1024
"""What may wait for the disk; then the device has to wait, but not for long."""
DISK_PATIENCE_S: Final = 5.0
"""A device that is not read for longer takes its connection for dead."""

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0

_log = logging.getLogger(__name__)

T = TypeVar("T")
Answer = UploadWritten | UploadStored | UploadBroken
Placed = tuple[str, str | None]
"""The exam task of an item, and its workflow, if it has one."""


class Store:
    """The artifacts, used from threads of its own."""

    def __init__(self, artifacts: ArtifactStore, threads: Executor) -> None:
        self._artifacts = artifacts
        self._threads = threads

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Return what a function returns that waits for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    async def begin(self, expectation: Expectation) -> ArtifactWriter:
        """Return a writer for one artifact.

        Raises:
            ParameterError, StorageError: there cannot be one.
        """
        return await self.run(self._artifacts.begin, expectation)

    async def put(self, content: bytes) -> Artifact:
        """Return the artifact with this content.

        Raises:
            StorageError: it cannot be written.
        """
        return await self.run(self._put, content)

    def _put(self, content: bytes) -> Artifact:
        with self._artifacts.begin(Expectation(len(content), content_type="application/json")) as writer:
            writer.write(content)
            return writer.commit()


class UploadSink:
    """The files of one device; for one event loop."""

    def __init__(
        self,
        device_id: str,
        store: Store,
        registry: Registry,
        clock: Clock,
        tell: Callable[[Answer], None],
        find_task: Callable[[str], Placed],
    ) -> None:
        self._device_id = device_id
        self._means = (store, registry, clock)
        self._tell = tell
        self._find_task = find_task
        self._jobs: asyncio.Queue[tuple[ToSink, bytes]] = asyncio.Queue()
        self._writers: dict[int, ArtifactWriter] = {}
        self._artifacts: dict[int, Artifact] = {}
        self._storing: dict[int, asyncio.Task[None]] = {}
        self._backlog_bytes = 0
        self._has_room = asyncio.Event()

    def take(self, effect: ToSink, piece: bytes = b"") -> None:
        """Perform an effect after those before it; ``piece`` are the bytes to append."""
        self._backlog_bytes += len(piece)
        self._jobs.put_nowait((effect, piece))

    async def make_room(self) -> bool:
        """Wait until the disk has caught up; return False if it has not in time."""
        if self._backlog_bytes <= MOST_BACKLOG_BYTES:
            return True
        self._has_room.clear()
        try:
            async with asyncio.timeout(DISK_PATIENCE_S):
                await self._has_room.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Perform effects until cancelled; what is not complete then is discarded."""
        try:
            while True:
                effect, piece = await self._jobs.get()
                try:
                    await self._perform(effect, piece)
                except CuelightError as error:
                    self._break(effect.upload, error.message)
                finally:
                    self._backlog_bytes -= len(piece)
                    if self._backlog_bytes <= MOST_BACKLOG_BYTES // 2:
                        self._has_room.set()
        finally:
            await self._end()

    async def _end(self) -> None:
        for task in self._storing.values():
            task.cancel()
        await asyncio.gather(*self._storing.values(), return_exceptions=True)
        for number in list(self._writers):
            self._discard(number)

    async def _perform(self, effect: ToSink, piece: bytes) -> None:
        store, _, clock = self._means
        match effect:
            case OpenUpload():
                self._writers[effect.upload] = await store.begin(effect.file.expectation)
            case AppendUpload():
                writer = self._writers.get(effect.upload)
                if writer is not None:
                    await store.run(writer.write, piece)
            case FinishUpload():
                writer = self._writers.pop(effect.upload, None)
                if writer is not None:
                    artifact = self._artifacts[effect.upload] = await store.run(writer.commit)
                    self._tell(UploadWritten(clock.monotonic(), effect.upload, artifact.size_bytes, artifact.id))
            case StoreUpload():
                storing = asyncio.create_task(self._keep(effect), name=f"result of upload {effect.upload}")
                self._storing[effect.upload] = storing
                storing.add_done_callback(lambda _: self._storing.pop(effect.upload, None))
            case DiscardUpload():
                self._artifacts.pop(effect.upload, None)
                await store.run(self._discard, effect.upload)

    def _discard(self, number: int) -> None:
        writer = self._writers.pop(number, None)
        if writer is not None:
            writer.discard()

    def _break(self, number: int, reason: str) -> None:
        self._discard(number)
        self._artifacts.pop(number, None)
        self._tell(UploadBroken(self._means[2].monotonic(), number, reason))

    async def _keep(self, effect: StoreUpload) -> None:
        store, registry, clock = self._means
        task_id, workflow_id = self._find_task(effect.item_uid)
        artifacts = {effect.file.name: self._artifacts[effect.upload]}
        try:
            if effect.parameter:
                content = build_parameter_file(self._device_id, effect.parameter)
                artifacts[PARAMETER_FILE] = await store.put(content)
            product = Product(
                task_id, workflow_id, self._device_id, effect.item_uid, effect.file, effect.key, artifacts
            )
            result_id = await _insist(registry, product)
        except CuelightError as error:
            _log.error("The file of item %s has no result: %s", effect.item_uid, error.message)
            self._break(effect.upload, error.message)
            return
        self._artifacts.pop(effect.upload, None)
        self._tell(UploadStored(clock.monotonic(), effect.upload, result_id))


async def _insist(registry: Registry, product: Product) -> str:
    """Return the id of the result; while the manager is away, ask again until it is there."""
    pause_s = _FIRST_PAUSE_S
    while True:
        with suppress(CommunicationError):
            return await registry.add_result(product)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
