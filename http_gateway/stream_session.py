"""One reader of the stream: what it has subscribed to, and which frame goes to it next. Knows no transport."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from http_gateway.authorize import require
from http_gateway.device_stream.topics import read_device_topic
from http_gateway.errors import GatewayError
from http_gateway.identity import Identity
from http_gateway.link import Caller
from http_gateway.problem import describe_error
from http_gateway.run_stream.hub import Viewer
from http_gateway.run_stream.topics import read_run_topic
from http_gateway.stream_frames import Buffer, Frame, make_control, make_notice
from http_gateway.stream_topics import Topic, Wish, find_topic, read_topics, read_wishes
from http_gateway.streams import StreamHub
from queue_server.clock import Clock
from queue_server.protocol.errors import CuelightError, ParameterError

MOST_UNACKNOWLEDGED = 64
_MOST_CONTROLS = 64


_CUTS = {
    "behind": "Too far behind; connect again and resume.",
    "unheeding": "Too many answers were not read.",
    "unacknowledged": "Nothing was acknowledged for too long.",
    "stalled": "The connection takes nothing any more.",
}


class ReaderCutError(GatewayError):
    """The reader is too slow, and its connection ends; ``reason`` says how it is slow."""

    code = "stream_cut"

    def __init__(self, reason: str) -> None:
        super().__init__(_CUTS[reason])
        self.reason = reason


@dataclass(slots=True)
class _Subscription:
    topic: Topic
    buffer: Buffer
    stop: Callable[[], None]
    told: int = 0


class StreamSession:
    """The subscriptions of one reader; ``next_frame`` belongs to one task, the rest to another one."""

    def __init__(self, hub: StreamHub, caller: Caller, clock: Clock, *, text_only: bool = False) -> None:
        self.caller = caller
        self._hub = hub
        self._clock = clock
        self._text_only = text_only
        self._subscriptions: dict[str, _Subscription] = {}
        self._controls: deque[Frame] = deque()
        self._wake = asyncio.Event()
        self._credit: int | None = None
        self._starved_s = 0.0
        self._sent = 0

    @property
    def identity(self) -> Identity:
        """Who reads."""
        return self.caller.identity

    @property
    def has_credit(self) -> bool:
        """Whether the reader has acknowledged enough to get more."""
        return self._credit is None or self._sent - self._credit < MOST_UNACKNOWLEDGED

    def expect_acknowledgements(self) -> None:
        """Send no more than 64 frames with data beyond what was acknowledged."""
        self._credit = 0

    def change_identity(self, identity: Identity) -> None:
        """Go on for another identity, or the same one with other scopes; what it may not read ends."""
        is_other_group = identity.group != self.caller.identity.group
        self.caller = Caller(identity, self.caller.request_id, self.caller.client)
        for name, known in list(self._subscriptions.items()):
            if known.topic.scope not in identity.scopes:
                self._end(name)
                self._refuse(name, GatewayError("The identity may not read this any more."))
            elif known.topic.kind == "device" and is_other_group:
                self._end(name)
                self._refuse(name, GatewayError("The identity has another group now; subscribe to the devices anew."))

    # --- what the reader asks for ---------------------------------------------------------------------------------

    async def obey(self, message: Mapping[str, Any]) -> None:
        """Do what a message asks for; what is refused is told in a frame.

        Raises:
            ReaderCutError: the reader takes none of the answers.
        """
        try:
            await self._obey(message)
        except CuelightError as error:
            if isinstance(error, ReaderCutError):
                raise
            self.tell(make_control("error", **describe_error(error)))

    async def _obey(self, message: Mapping[str, Any]) -> None:
        op = message.get("op")
        if op == "sub":
            await asyncio.gather(*(self._try_subscribe(wish) for wish in read_wishes(message)))
        elif op == "unsub":
            for name in read_topics(message):
                self._end(str(name))
        elif op == "ack":
            self._acknowledge(message.get("frames"))
        elif op == "ping":
            self.tell(make_control("pong", time=self._clock.wall()))
        else:
            raise ParameterError("'op' must be one of sub, unsub, ack, ping.", field="op")

    async def _try_subscribe(self, wish: Wish) -> None:
        try:
            await self.subscribe(wish)
        except CuelightError as error:
            self._refuse(wish.topic, error)

    async def subscribe(self, wish: Wish) -> None:
        """Begin with a topic, or begin anew.

        Raises:
            TopicError: there is no such topic.
            ScopeError: the identity may not read it.
            CuelightError: the manager refuses the beginning, or does not answer.
        """
        topic = find_topic(wish.topic)
        require(self.identity, topic.scope)
        if topic.kind in ("run", "device"):
            await self._follow(topic, wish)
            return
        self._end(topic.name)
        buffer = topic.make_buffer(wish.hz)
        position = await self._hub.position(wish.since) if topic.kind == "log" or topic.name == "lock" else 0
        known = _Subscription(topic, buffer, self._hub.listen(topic, self._waking(buffer)))
        self._end(topic.name)
        self._subscriptions[topic.name] = known
        try:
            buffer.fill(await self._hub.open(topic, wish.since, position, self.caller))
        except CuelightError:
            if self._subscriptions.get(topic.name) is known:
                self._end(topic.name)
            raise
        self._wake.set()

    async def _follow(self, topic: Topic, wish: Wish) -> None:
        run, device = read_run_topic(topic.name), read_device_topic(topic.name)
        self._end(topic.name)
        viewer = Viewer(self.caller, self._wake.set, wish.hz, wish.since, "json" if self._text_only else wish.form)
        if run is not None:
            following = await self._hub.followed.runs.open(run, viewer)
        else:
            assert device is not None
            following = await self._hub.followed.devices.open(device, viewer)
        self._end(topic.name)
        self._subscriptions[topic.name] = _Subscription(topic, following.buffer, following.stop)
        self._wake.set()

    def _waking(self, buffer: Buffer) -> Callable[[Frame], None]:
        def put(frame: Frame) -> None:
            buffer.put(frame)
            self._wake.set()

        return put

    def _acknowledge(self, frames: Any) -> None:
        if isinstance(frames, bool) or not isinstance(frames, int) or not 0 <= frames <= self._sent:
            raise ParameterError("'frames' must be the number of frames with data received so far.", field="frames")
        if self._credit is not None and frames > self._credit:
            self._credit = frames
            self._wake.set()

    # --- what goes to the reader ----------------------------------------------------------------------------------

    def tell(self, frame: Frame) -> None:
        """Send a frame that needs no credit before everything else.

        Raises:
            ReaderCutError: the reader takes none of them.
        """
        if len(self._controls) >= _MOST_CONTROLS:
            raise ReaderCutError("unheeding")
        self._controls.append(frame)
        self._wake.set()

    async def next_frame(self, patience_s: float) -> Frame:
        """Return the next frame, once it is due and the reader has credit for it.

        Raises:
            ReaderCutError: the reader is too far behind, or has acknowledged nothing for ``patience_s`` seconds.
        """
        while True:
            if self._controls:
                return self._controls.popleft()
            now_s = self._clock.monotonic()
            due_s, found = self._find_due()
            if not self.has_credit:
                left_s = self._starved_s + patience_s - now_s
                if left_s <= 0:
                    raise ReaderCutError("unacknowledged")
                await self._wait(left_s)
            elif found is None or due_s > now_s:
                await self._wait(None if found is None else due_s - now_s)
            else:
                return self._take(found, now_s)

    def close(self) -> None:
        """End all subscriptions."""
        for name in list(self._subscriptions):
            self._end(name)

    async def _wait(self, seconds: float | None) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _find_due(self) -> tuple[float, str | None]:
        """Return the topic that may go first and when; the topics take turns."""
        first_s, first = 0.0, None
        for name, known in self._subscriptions.items():
            self._count_drops(known)
            if known.buffer.is_overrun:
                raise ReaderCutError("behind")
            due_s = known.buffer.due_s()
            if due_s is not None and (first is None or due_s < first_s):
                first_s, first = due_s, name
        return first_s, first

    def _take(self, name: str, now_s: float) -> Frame:
        known = self._subscriptions.pop(name)
        self._subscriptions[name] = known
        frame = known.buffer.take(now_s)
        if frame.counted:
            self._sent += 1
            self._starved_s = now_s
        return frame

    def _count_drops(self, known: _Subscription) -> None:
        if known.buffer.dropped > known.told:
            self._hub.metrics.stream_dropped.labels(known.topic.name).inc(known.buffer.dropped - known.told)
            known.told = known.buffer.dropped

    def _refuse(self, topic: str, error: CuelightError) -> None:
        self.tell(make_notice("error", topic[:200], **describe_error(error)))

    def _end(self, topic: str) -> None:
        known = self._subscriptions.pop(topic, None)
        if known is not None:
            known.stop()
            self._count_drops(known)
