"""One run that somebody follows: its picture, kept up with its file or with what is published, and who is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from http_gateway.run_stream.picture import RunPicture, Told
from http_gateway.run_stream.tail import Document, RunTail
from queue_server.protocol.documents import DocumentHeader
from queue_server.protocol.errors import CuelightError, NotFoundError

_log = logging.getLogger(__name__)

READ_EACH_S = 0.05
"""The file is looked at no more often, however many documents are published."""

Listener = Callable[[list[Told]], None]


class RunWatch:
    """Follows one run; for one event loop.

    Documents that are recorded on this host are read from the file of the run, so that none is missing, however large
    it is and however many the publisher has dropped: what is published only tells that there is more. Those of a worker
    on another host are taken as they are published, and what was before is not known.
    """

    def __init__(self, data: Path, run: Mapping[str, Any]) -> None:
        self.picture = RunPicture(str(run["uid"]))
        self.lane = str(run.get("lane", ""))
        self._tail: RunTail | None = RunTail(data, run)
        self._listeners: dict[int, Listener] = {}
        self._numbers = 0
        self._has_more = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    @property
    def is_published_only(self) -> bool:
        """Whether its file is not on this host."""
        return self._tail is None

    @property
    def is_listened_to(self) -> bool:
        """Whether anybody is told what is new."""
        return bool(self._listeners)

    async def begin(self) -> None:
        """Read what there is, and go on from there.

        Raises:
            RunFileError: the file cannot be read.
        """
        try:
            await self._read_all()
        except NotFoundError:
            self._tail = None
        self._following = asyncio.create_task(self._follow(), name=f"run {self.picture.uid}")

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` after each change, with the documents that viewers see as such; return how to stop that."""
        self._numbers += 1
        number = self._numbers
        self._listeners[number] = listener

        def stop() -> None:
            self._listeners.pop(number, None)

        return stop

    def hear(self, header: DocumentHeader, content: Mapping[str, Any] | None) -> None:
        """Take what a worker has published."""
        if header.lane != self.lane or self.picture.has_ended:
            return
        if self._tail is not None:
            self._has_more.set()
        elif content is not None and self.picture.owns(header.name, content):
            self._add([(header.name, dict(content))])

    async def close(self) -> None:
        """Follow it no more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        while not self.picture.has_ended:
            await self._has_more.wait()
            self._has_more.clear()
            try:
                await self._read_all()
            except CuelightError as error:
                _log.warning("The run %s cannot be followed: %s", self.picture.uid, error.message)
                return
            await asyncio.sleep(READ_EACH_S)

    async def _read_all(self) -> None:
        tail = self._tail
        is_at_end = tail is None
        while tail is not None and not is_at_end:
            documents, is_at_end = await asyncio.to_thread(tail.read)
            self._add(documents)

    def _add(self, documents: list[Document]) -> None:
        known = len(self.picture.documents)
        for name, document in documents:
            self.picture.add(name, document)
        if documents:
            told = self.picture.documents[known:]
            for listener in list(self._listeners.values()):
                listener(told)
