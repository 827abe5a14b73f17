"""The control socket: a ROUTER that takes requests from REQ and DEALER sockets and never falls silent.

A message is one frame behind the peer's identity, with or without the empty delimiter of a REQ socket. Before the
delimiter may stand one short frame that comes back with the reply, as from a REP socket: a peer with many requests in
flight tells their replies apart by it. Whatever else arrives is answered with a refusal where there is somebody to
answer, counted, and forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import zmq

from queue_server.protocol.codec import encode, recognise
from queue_server.protocol.envelope import refuse
from queue_server.protocol.errors import CuelightError, EnvelopeError
from queue_server.protocol.limits import DEFAULT_LIMITS, Limits, too_much_at_once
from queue_server.protocol.peer import ANYBODY, Peer
from queue_server.transport.occupancy import Occupancy
from queue_server.transport.stream import Frames, Guard, Stream, bind, make_socket

_log = logging.getLogger(__name__)

MOST_LABEL_BYTES = 64
# A request for the status, or an order of motion, is short; it is looked at even where there is no room.
MOST_URGENT_BYTES = 1024
_FINISH_PATIENCE_S = 1.0

Respond = Callable[[bytes], None]


class Answerer(Protocol):
    """Whoever answers requests."""

    def take(self, frame: bytes, respond: Respond, peer: Peer = ANYBODY, *, has_room: bool = True) -> None:
        """Answer the request of ``peer`` in ``frame``, now or later, exactly once; must not raise.

        Without room it is answered now: done if that is possible, else refused as busy.
        """
        ...


class ControlSocket:
    """Binds the control address and passes requests on within its limits."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        address: str,
        answerer: Answerer,
        guard: Guard | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._socket = make_socket(
            context, zmq.ROUTER, most_bytes=limits.max_message_bytes, most_waiting=limits.max_messages_waiting
        )
        self.address = bind(self._socket, address, guard)
        self._answerer = answerer
        self._occupancy = Occupancy(limits)
        self._all_answered = asyncio.Event()
        self.malformed = 0
        self._stream = Stream(self._socket, self._take, guard)

    async def finish(self, patience_s: float = _FINISH_PATIENCE_S) -> None:
        """Answer what has arrived by now, then close."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                self._stream.take_waiting()
                while self._occupancy.total:
                    self._all_answered.clear()
                    await self._all_answered.wait()
        self.close()

    def close(self) -> None:
        """Stop taking requests; replies under way still leave."""
        self._stream.close()

    def _take(self, frames: Frames) -> None:
        peer = frames[0]
        route, body = _split(frames)
        if len(body) != 1:
            self.malformed += 1
            self._refuse(route, b"", EnvelopeError(f"A request is one frame; this message has {len(body)}."))
        elif self._occupancy.has_room(peer, len(body[0])):
            self._pass_on(peer, route, body[0])
        elif len(body[0]) <= MOST_URGENT_BYTES:
            self._answerer.take(body[0], lambda reply: self._reply(route, reply), self._stream.speaker, has_room=False)
        else:
            self._refuse(route, body[0], too_much_at_once())

    def _pass_on(self, peer: bytes, route: Frames, body: bytes) -> None:
        self._occupancy.enter(peer, len(body))

        def respond(reply: bytes) -> None:
            self._occupancy.leave(peer, len(body))
            self._reply(route, reply)
            if not self._occupancy.total:
                self._all_answered.set()

        self._answerer.take(body, respond, self._stream.speaker)

    def _reply(self, route: Frames, reply: bytes) -> None:
        self._stream.send([*route, reply])

    def _refuse(self, route: Frames, body: bytes, error: CuelightError) -> None:
        try:
            encoding = recognise(body)
        except EnvelopeError:
            encoding = "json"
        self._stream.send([*route, encode(refuse(error), encoding)])


def _split(frames: Frames) -> tuple[Frames, Frames]:
    """Return what the reply begins with, and the rest of the message."""
    if len(frames) > 2 and frames[1] == b"":
        return frames[:2], frames[2:]
    if len(frames) > 3 and frames[2] == b"" and len(frames[1]) <= MOST_LABEL_BYTES:
        return frames[:3], frames[3:]
    return frames[:1], frames[1:]
