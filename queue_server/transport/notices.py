"""The notices socket: a PUB that never waits; a slow subscriber loses notices and can tell by the sequence numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import zmq
from msgspec import Struct

from queue_server.clock import Clock, until_beat
from queue_server.config import Settings, is_local
from queue_server.protocol.codec import Encoding
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.limits import DEFAULT_LIMITS, Limits
from queue_server.protocol.notices import EVENT_TOPIC, PROGRESS_TOPIC, console_notice, frame_notice, status_notice
from queue_server.protocol.status import Status
from queue_server.transport.curve import Gate
from queue_server.transport.stream import Frames, Guard, Stream, bind, make_socket, send_at_once

# Clients of bluesky-queueserver take 3 s without a status for "no status", and expect one per second.
REPEAT_S = 1.0

UNHEARD = "inproc://notices"
"""Where notices go that are not to be published: nobody outside this process can subscribe."""

# Subscribers send nothing but topics.
_MOST_TOPIC_BYTES = 4096


class Form(Struct, frozen=True):
    """How notices are written, and how often the status is repeated."""

    encoding: Encoding = "json"
    repeat_s: float = REPEAT_S


class NoticesSocket:
    """Binds the notices address and publishes."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        address: str,
        *,
        clock: Clock,
        form: Form,
        guard: Guard | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        # The same socket, except that an XPUB tells who subscribes.
        kind = zmq.PUB if guard is None else zmq.XPUB
        self._socket = make_socket(
            context, kind, most_bytes=_MOST_TOPIC_BYTES, most_waiting=limits.max_messages_waiting
        )
        self.address = bind(self._socket, address, guard)
        self._subscribers = None
        if guard is not None:
            self._socket.set(zmq.XPUB_VERBOSER, 1)
            self._subscribers = Stream(self._socket, _pass_over, guard)
        self._clock = clock
        self._encoding: Encoding = form.encoding
        self._repeat_s = form.repeat_s
        self._last: Status | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unsent: list[list[bytes]] = []

    def publish_status(self, status: Status) -> None:
        """Publish the status, and again after each interval until another one comes."""
        self._last = status
        self._send_soon(status_notice(self._clock.wall(), status, self._encoding))
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(until_beat(loop.time(), self._repeat_s), self._repeat)

    def publish_event(self, event: EventRecord) -> None:
        """Publish a committed event under its sequence number."""
        payload = {
            "seq": event.seq,
            "time": event.time,
            "kind": event.kind,
            "lane": event.lane,
            "item_uid": event.item_uid,
            "submission": event.submission,
            "attempt": event.attempt,
            "user": event.origin.user,
            "data": dict(event.data),
        }
        self._send_soon(frame_notice(EVENT_TOPIC, payload, self._encoding))

    def publish_console(self, time: float, text: str) -> None:
        """Publish a chunk of console output; ``time`` in seconds since 1970-01-01 UTC."""
        self._send_soon(console_notice(time, text, self._encoding))

    def publish_progress(self, payload: Mapping[str, Any]) -> None:
        """Publish how far a running item is."""
        self._send_soon(frame_notice(PROGRESS_TOPIC, payload, self._encoding))

    def close(self) -> None:
        """Stop publishing."""
        if self._timer is not None:
            self._timer.cancel()
        self._send_all()
        if self._subscribers is not None:
            self._subscribers.close(100)
        self._socket.close(100)

    def _repeat(self) -> None:
        if self._last is not None:
            self.publish_status(self._last)

    def _send_soon(self, frames: list[bytes]) -> None:
        """Send behind the answers that are due already: somebody waits for those."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send_all)
        self._unsent.append(frames)

    def _send_all(self) -> None:
        unsent, self._unsent = self._unsent, []
        for frames in unsent:
            if self._subscribers is not None:
                self._subscribers.send(frames)
            elif not self._socket.closed:
                send_at_once(self._socket, frames)


def open_notices(
    context: zmq.Context[zmq.Socket[bytes]], settings: Settings, clock: Clock, gate: Gate | None
) -> NoticesSocket:
    """Return the notices socket of the settings.

    Raises:
        OSError: its address cannot be bound.
    """
    form = Form(cast("Encoding", settings.encoding))
    if not settings.publish_console:
        return NoticesSocket(context, UNHEARD, clock=clock, form=form)
    # The subscribers of bluesky-queueserver cannot decrypt; where only this host listens they need not.
    is_plain = settings.plain_notices or is_local(settings.info)
    guard = None if gate is None or is_plain else gate.admit_clients()
    return NoticesSocket(context, settings.info, clock=clock, form=form, guard=guard, limits=settings)


def _pass_over(subscription: Frames) -> None:
    """Who subscribes to what makes no difference."""
