"""What all readers of the stream in a process share: each notice becomes a frame once, and snapshots are made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import HTTPConnection

from http_gateway.event_relay import MOST_MISSED, Event, EventRelay
from http_gateway.feed import NoticeFeed
from http_gateway.followed import Followed
from http_gateway.identity import Identity
from http_gateway.link import Caller, ManagerLink, read_reply
from http_gateway.metrics import Metrics
from http_gateway.problem import problem_in
from http_gateway.status import PushedStatus
from http_gateway.stream_alarms import alarm_in
from http_gateway.stream_console import Console
from http_gateway.stream_frames import Frame, make_frame, make_notice
from http_gateway.stream_topics import TOPICS, Topic, topics_of_event
from queue_server.client.notices import Notice
from queue_server.clock import Clock
from queue_server.protocol.errors import BusyError, CommunicationError, CuelightError
from queue_server.protocol.notices import CONSOLE_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC, STATUS_TOPIC

_log = logging.getLogger(__name__)

MOST_READERS = 1000
SNAPSHOT_ITEMS = 100
BATCH_S = 0.1
BEAT_S = 1.0
# The manager repeats its status each second.
SILENCE_S = 2.5

Put = Callable[[Frame], None]


@dataclass(frozen=True, slots=True)
class _Source:
    """How the snapshot of a topic is asked for: a method, its parameters, and what of the reply is shown."""

    method: str
    params: Mapping[str, Any]
    fields: tuple[str, ...]


@dataclass(slots=True)
class _Values:
    """What the hub knows at the moment."""

    heard_s: float
    place: tuple[int, int] | None = None
    progress: dict[str, Frame] = field(default_factory=dict[str, Frame])
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict[str, asyncio.TimerHandle])
    beats: int = 0
    numbers: int = 0
    readers: int = 0
    lock_seq: int = 0
    lock_task: asyncio.Task[None] | None = None


_READER = Caller(Identity("", "", frozenset({"read:lock"})))
_SOURCES = {
    "lock": _Source("lock_info", {}, ("lock_info", "lock_info_uid")),
    "queue": _Source("queue_get", {"limit": SNAPSHOT_ITEMS}, ("items", "running_item", "plan_queue_uid")),
    "history": _Source("history_get", {"limit": SNAPSHOT_ITEMS}, ("items", "plan_history_uid", "before")),
}


class StreamHub:
    """Turns notices into frames for whoever listens to a topic; for one event loop."""

    def __init__(
        self,
        link: ManagerLink,
        feed: NoticeFeed,
        status: PushedStatus,
        clock: Clock,
        metrics: Metrics,
        followed: Followed,
    ) -> None:
        self.metrics = metrics
        self.followed = followed
        self._link = link
        self._status = status
        self._clock = clock
        self._relay = EventRelay(link, self._take_event, self._lose_events)
        self._topics: dict[str, dict[int, Put]] = {name: {} for name in TOPICS}
        self._values = _Values(clock.monotonic())
        self._console = Console()
        self._release = feed.listen([STATUS_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC, CONSOLE_TOPIC], self._hear)

    # --- for readers ----------------------------------------------------------------------------------------------

    @property
    def readers(self) -> int:
        """How many read now."""
        return self._values.readers

    def check_room(self) -> None:
        """Refuse one reader too many.

        Raises:
            BusyError: it is.
        """
        if self._values.readers >= MOST_READERS:
            raise BusyError(f"There are {MOST_READERS} readers of the stream; repeat it later.")

    @contextmanager
    def reader(self, kind: str) -> Generator[None]:
        """Count a reader for as long as it reads."""
        self._values.readers += 1
        self.metrics.stream_readers.labels(kind).inc()
        try:
            yield
        finally:
            self._values.readers -= 1
            self.metrics.stream_readers.labels(kind).dec()

    def listen(self, topic: Topic, put: Put) -> Callable[[], None]:
        """Hand every frame of a topic to ``put``; return how to stop that."""
        self._values.numbers += 1
        number, known = self._values.numbers, self._topics[topic.name]
        known[number] = put
        if topic.name == "hb":
            self._start_timer("hb", BEAT_S, self._beat)

        def stop() -> None:
            known.pop(number, None)

        return stop

    async def position(self, since: int | None) -> int:
        """Return the number of the last event that listeners of before have got; call ``listen`` at once after it.

        Raises:
            CuelightError: the manager had to be asked and does not answer.
        """
        return await self._relay.position(since or 0)

    async def open(self, topic: Topic, since: int | None, position: int, caller: Caller) -> list[Frame]:
        """Return the frames with which a topic begins for a reader: what it missed since a number, or a snapshot.

        Raises:
            CuelightError: the manager refuses, or does not answer.
        """
        if topic.kind == "output":
            return self._console.since(since)
        if topic.kind == "log" and since is not None and since <= position:
            missed = await self._relay.events_between(since, position)
            if missed is not None:
                return [_event_frame(topic.name, event) for event in missed if _shows(topic.name, event)]
        if topic.name == "alarms":
            return await self._take_alarms(position)
        return await self._take_snapshot(topic, position, caller)

    async def close(self) -> None:
        """Take no further notices."""
        self._release()
        for timer in self._values.timers.values():
            timer.cancel()
        if self._values.lock_task is not None:
            self._values.lock_task.cancel()
            await asyncio.gather(self._values.lock_task, return_exceptions=True)
        await self._relay.close()

    # --- snapshots ------------------------------------------------------------------------------------------------

    async def _take_snapshot(self, topic: Topic, position: int, caller: Caller) -> list[Frame]:
        now = self._clock.wall()
        if topic.name == "hb":
            return [self._make_beat()]
        if topic.name == "status":
            status = read_reply(await self._status.frame())
            return [make_frame("status", status.get("revision", 0), now, status, snapshot=True)]
        if topic.name == "progress":
            return list(self._values.progress.values())
        if topic.name == "events":
            return [make_frame("events", position, now, {"last_seq": position}, snapshot=True)]
        data = await self._fetch(_SOURCES[topic.name], caller)
        return [make_frame(topic.name, position, now, data, snapshot=True)]

    async def _take_alarms(self, position: int) -> list[Frame]:
        """Return the alarms among the newest events, as one snapshot."""
        newest = await self._relay.events_between(max(position - MOST_MISSED, 0), position) or []
        alarms = [alarm for event in newest if (alarm := alarm_in(event)) is not None]
        return [make_frame("alarms", position, self._clock.wall(), {"alarms": alarms}, snapshot=True)]

    async def _fetch(self, source: _Source, caller: Caller) -> dict[str, Any]:
        reply = await self._link.call(source.method, source.params, caller)
        if not reply.get("success"):
            raise CommunicationError(problem_in(reply).text)
        return {name: reply.get(name) for name in source.fields}

    # --- notices --------------------------------------------------------------------------------------------------

    def _hear(self, notice: Notice) -> None:
        if notice.topic == EVENT_TOPIC:
            self._relay.hear(notice.payload)
        elif notice.topic == CONSOLE_TOPIC and notice.text is not None:
            self._console.add(notice.time, notice.text)
            self._start_timer("console", BATCH_S, self._send_console)
        elif notice.topic == PROGRESS_TOPIC:
            self._take_progress(notice)
        elif notice.status is not None:
            self._take_status(notice, notice.status)

    def _take_status(self, notice: Notice, status: Mapping[str, Any]) -> None:
        values, now_s = self._values, self._clock.monotonic()
        place = (status.get("epoch", 0), status.get("revision", 0))
        was_away = now_s - values.heard_s > SILENCE_S or (values.place is not None and place[0] != values.place[0])
        values.heard_s = now_s
        if was_away:
            # What was published meanwhile is missed, and no number tells.
            self._relay.catch_up_soon()
        if place != values.place:
            values.place = place
            self._send("status", lambda: make_frame("status", place[1], notice.time, status))

    def _take_progress(self, notice: Notice) -> None:
        lane = str(notice.payload.get("lane", ""))
        frame = make_frame("progress", notice.payload.get("points") or 0, notice.time, notice.payload, key=lane)
        self._values.progress[lane] = frame
        self._send("progress", lambda: frame)

    def _take_event(self, event: Event) -> None:
        kind = str(event.get("kind", ""))
        for name in ("events", *topics_of_event(kind)):
            self._send(name, lambda name=name: _event_frame(name, event))
        if _shows("alarms", event):
            self._send("alarms", lambda: _event_frame("alarms", event))
        if kind == "run_opened":
            data: Mapping[str, Any] = event.get("data") or {}
            self.followed.runs.note_opened(str(data.get("run_uid", "")))
        if kind == "item_finished":
            self._values.progress.pop(str(event.get("lane", "")), None)
        if kind in ("lock", "unlock") and self._topics["lock"]:
            self._values.lock_seq = event["seq"]
            self._tell_lock_soon()

    def _lose_events(self) -> None:
        for name, topic in TOPICS.items():
            if topic.kind == "log":
                self._send(name, lambda name=name: make_notice("resync", name))
        if self._topics["lock"]:
            self._tell_lock_soon()

    # --- to readers -----------------------------------------------------------------------------------------------

    def _send(self, topic: str, make: Callable[[], Frame]) -> None:
        listeners = self._topics[topic]
        if listeners:
            frame = make()
            for put in list(listeners.values()):
                put(frame)

    def _send_console(self) -> None:
        for frame in self._console.take_batch():
            self._send("console", lambda frame=frame: frame)

    def _beat(self) -> None:
        if self._topics["hb"]:
            self._send("hb", self._make_beat)
            self._start_timer("hb", BEAT_S, self._beat)

    def _make_beat(self) -> Frame:
        values = self._values
        values.beats += 1
        silent_s = round(self._clock.monotonic() - values.heard_s, 3)
        data = {"manager_answers": silent_s <= SILENCE_S, "silent_s": silent_s}
        return make_frame("hb", values.beats, self._clock.wall(), data)

    def _start_timer(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        def fire() -> None:
            del self._values.timers[name]
            call()

        if name not in self._values.timers:
            self._values.timers[name] = asyncio.get_running_loop().call_later(seconds, fire)

    def _tell_lock_soon(self) -> None:
        if self._values.lock_task is None:
            self._values.lock_task = asyncio.create_task(self._tell_lock(), name="lock")

    async def _tell_lock(self) -> None:
        values, told = self._values, -1
        try:
            while told != values.lock_seq:
                told = values.lock_seq
                data = await self._fetch(_SOURCES["lock"], _READER)
                frame = make_frame("lock", told, self._clock.wall(), data)
                self._send("lock", lambda frame=frame: frame)
        except CuelightError as error:
            _log.warning("The lock cannot be read now: %s", error.message)
        finally:
            values.lock_task = None


def _shows(topic: str, event: Event) -> bool:
    if topic == "alarms":
        return alarm_in(event) is not None
    return topic == "events" or topic in topics_of_event(str(event.get("kind", "")))


def _event_frame(topic: str, event: Event) -> Frame:
    data = alarm_in(event) if topic == "alarms" else event
    return make_frame(topic, event["seq"], event["time"], data)


def hub_of(connection: HTTPConnection) -> StreamHub:
    """Return the hub of the application."""
    hub: StreamHub = connection.app.state.streams
    return hub
