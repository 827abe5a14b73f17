"""The runs that readers of the stream follow: each is followed once, as long as anybody does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from http_gateway.errors import GatewayError
from http_gateway.link import Caller, ManagerLink
from http_gateway.problem import problem_in
from http_gateway.run_stream.buffers import ColumnsBuffer, ImageBuffer, Pace
from http_gateway.run_stream.frames import Form, frame_of_document, frame_of_documents, frame_of_image
from http_gateway.run_stream.picture import Image, Told
from http_gateway.run_stream.sources import GATEWAY, RunSources
from http_gateway.run_stream.topics import EVERY, RunTopic
from http_gateway.run_stream.wakes import DocumentWakes
from http_gateway.run_stream.watch import Listener, RunWatch
from http_gateway.stream_frames import Buffer, Frame, OrderedBuffer, make_frame, make_notice
from queue_server.clock import Clock
from queue_server.protocol.documents import DocumentHeader
from queue_server.protocol.errors import CuelightError

_log = logging.getLogger(__name__)

MOST_DOCUMENTS: Final = 256
MOST_RUNS: Final = 32
"""Runs that are followed at the same time, in one gateway."""
COLUMNS_HZ: Final = 20.0
IMAGE_HZ: Final = 5.0
SNAPSHOT_RUNS: Final = 20


class RunTopicError(GatewayError):
    """There is no such run, or nothing of it can be followed."""

    code = "topic"
    http_status = 404


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who follows a run, from which document on, how often, in which form; ``wake`` is called when there is more."""

    caller: Caller
    wake: Callable[[], None]
    hz: float | None = None
    since: int | None = None
    form: Form = "binary"

    def least_s(self, most_hz: float) -> float:
        """Return the time between two frames, in seconds."""
        return 1 / min(self.hz or most_hz, most_hz)


@dataclass(frozen=True, slots=True)
class Following:
    """What a viewer gets, and how to end it."""

    buffer: Buffer
    stop: Callable[[], None]


class RunHub:
    """Follows runs for viewers; for one event loop."""

    def __init__(self, link: ManagerLink, sources: RunSources, clock: Clock) -> None:
        self._link = link
        self._sources = sources
        self._clock = clock
        self._watches: dict[str, asyncio.Task[RunWatch]] = {}
        self._wakes: DocumentWakes | None = None
        self._every: dict[int, Callable[[str, list[Told]], None]] = {}
        self._numbers = 0
        self._starting: set[asyncio.Task[None]] = set()

    async def open(self, topic: RunTopic, viewer: Viewer) -> Following:
        """Begin to follow a run, or every one that begins from now on.

        Raises:
            RunTopicError: there is no such run, its documents are nowhere, or too many are followed.
            CuelightError: the manager does not answer, or the file of the run cannot be read.
        """
        if topic.uid == EVERY:
            return await self._open_every(topic, viewer)
        if topic.part == "image":
            # It takes a while to load what pictures are made with.
            await asyncio.to_thread(import_module, "http_gateway.run_stream.preview")
        watch = await self._follow(topic.uid, viewer.caller)
        buffer, hear = self._make_buffer(topic, viewer, watch)
        stop_listening = watch.listen(hear)

        def stop() -> None:
            stop_listening()
            self._release(topic.uid, watch)

        return Following(buffer, stop)

    def note_opened(self, uid: str) -> None:
        """Take note of a run that has begun."""
        if self._every and uid not in self._watches:
            task = asyncio.create_task(self._tell_every(uid), name=f"run {uid} for every viewer")
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def close(self) -> None:
        """Follow nothing more."""
        for task in (*self._watches.values(), *self._starting):
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        found = await asyncio.gather(*self._watches.values(), return_exceptions=True)
        await asyncio.gather(*(each.close() for each in found if isinstance(each, RunWatch)))
        self._watches.clear()
        self._close_wakes()

    # --- for one viewer -------------------------------------------------------------------------------------------

    def _make_buffer(self, topic: RunTopic, viewer: Viewer, watch: RunWatch) -> tuple[Buffer, Listener]:
        if topic.part == "documents":
            return self._buffer_documents(topic, viewer, watch)
        if topic.part == "columns":
            pace = Pace(topic.name, viewer.least_s(COLUMNS_HZ), viewer.form, self._clock.wall)
            return ColumnsBuffer(watch.picture, pace), lambda _: viewer.wake()
        make = self._image_maker(topic, viewer.form)
        return ImageBuffer(watch.picture, topic.field, viewer.least_s(IMAGE_HZ), make), lambda _: viewer.wake()

    def _buffer_documents(self, topic: RunTopic, viewer: Viewer, watch: RunWatch) -> tuple[Buffer, Listener]:
        buffer = OrderedBuffer(topic.name, MOST_DOCUMENTS, "cut")
        picture, now = watch.picture, self._clock.wall()
        if viewer.since is not None and viewer.since <= picture.number:
            missed = [told for told in picture.documents if told.number > viewer.since]
            buffer.fill(frame_of_document(topic.name, told, now) for told in missed)
        else:
            buffer.fill([frame_of_documents(topic.name, picture.documents, picture.number, now)])

        def hear(news: list[Told]) -> None:
            for told in news:
                buffer.put(frame_of_document(topic.name, told, self._clock.wall()))
            viewer.wake()

        return buffer, hear

    def _image_maker(self, topic: RunTopic, form: Form) -> Callable[[Image], Frame]:
        from http_gateway.run_stream.preview import make_preview

        def make(image: Image) -> Frame:
            preview = make_preview(image.value)
            if preview is None:
                return make_notice("error", topic.name, code="topic", detail=f"{topic.field!r} is no image.")
            return frame_of_image(topic.name, topic.field, preview, image.number, image.time, form)

        return make

    # --- for every run --------------------------------------------------------------------------------------------

    async def _open_every(self, topic: RunTopic, viewer: Viewer) -> Following:
        buffer = OrderedBuffer(topic.name, MOST_DOCUMENTS, "cut")

        def hear(uid: str, news: list[Told]) -> None:
            for told in news:
                buffer.put(frame_of_document(f"run:{uid}", told, self._clock.wall()))
            viewer.wake()

        self._numbers += 1
        number = self._numbers
        self._every[number] = hear
        reply = await self._link.call("run_list", {"limit": SNAPSHOT_RUNS}, viewer.caller)
        if not reply.get("success"):
            self._every.pop(number)
            raise RunTopicError(problem_in(reply).text)
        now = self._clock.wall()
        buffer.fill([make_frame(topic.name, 0, now, {"runs": reply["runs"]}, snapshot=True)])

        def stop() -> None:
            self._every.pop(number, None)

        return Following(buffer, stop)

    async def _tell_every(self, uid: str) -> None:
        try:
            watch = await self._follow(uid, GATEWAY)
        except CuelightError as error:
            _log.warning("The run %s cannot be followed: %s", uid, error.message)
            return
        ended = asyncio.Event()

        def hear(news: list[Told]) -> None:
            for listener in list(self._every.values()):
                listener(uid, news)
            if watch.picture.has_ended or not self._every:
                ended.set()

        stop = watch.listen(hear)
        hear(list(watch.picture.documents))
        try:
            await ended.wait()
        finally:
            stop()
            self._release(uid, watch)

    # --- runs -----------------------------------------------------------------------------------------------------

    async def _follow(self, uid: str, caller: Caller) -> RunWatch:
        task = self._watches.get(uid)
        if task is None:
            if len(self._watches) >= MOST_RUNS:
                raise RunTopicError(f"{MOST_RUNS} runs are followed already; end one of them first.")
            task = asyncio.create_task(self._begin(uid, caller), name=f"begin of run {uid}")
            self._watches[uid] = task
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done() and self._watches.get(uid) is task and (task.cancelled() or task.exception() is not None):
                self._watches.pop(uid)
            raise

    async def _begin(self, uid: str, caller: Caller) -> RunWatch:
        reply = await self._link.call("run_get", {"run_uid": uid}, caller)
        if not reply.get("success"):
            raise RunTopicError(problem_in(reply).text)
        if self._wakes is None:
            self._wakes = await self._sources.connect(self._hear)
        watch = RunWatch(self._sources.data, reply["run"])
        await watch.begin()
        return watch

    def _hear(self, header: DocumentHeader, content: dict[str, Any] | None) -> None:
        for task in list(self._watches.values()):
            if task.done() and not task.cancelled() and task.exception() is None:
                task.result().hear(header, content)

    def _release(self, uid: str, watch: RunWatch) -> None:
        """Follow a run no more if nobody is told of it."""
        task = self._watches.get(uid)
        if watch.is_listened_to or task is None or not task.done():
            return
        self._watches.pop(uid)
        closing = asyncio.create_task(watch.close(), name=f"end of run {uid}")
        self._starting.add(closing)
        closing.add_done_callback(self._starting.discard)
        if not self._watches:
            self._close_wakes()

    def _close_wakes(self) -> None:
        if self._wakes is not None:
            self._wakes.close()
            self._wakes = None
