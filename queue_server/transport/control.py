"""The control socket: a ROUTER that takes requests from REQ and DEALER sockets and never falls silent.

A message is one frame behind the peer's identity, with or without the empty delimiter of a REQ socket. Before the
delimiter may stand one short frame that comes back with the reply, as from a REP socket: a peer with many requests in
flight tells their replies apart by it. Whatever else arrives is answered with a refusal where there is somebody to
answer, counted, and forgotten.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import zmq

from queue_server.protocol.codec import CLIENT_BOUNDS, encode, recognise
from queue_server.protocol.envelope import refuse
from queue_server.protocol.errors import BusyError, CuelightError, EnvelopeError
from queue_server.transport.stream import Frames, Stream, bind, make_socket

_log = logging.getLogger(__name__)

MOST_IN_FLIGHT = 1_000
MOST_PER_PEER = 64
MOST_LABEL_BYTES = 64
_RETRY_AFTER_S = 0.1

Respond = Callable[[bytes], None]


class Answerer(Protocol):
    """Whoever answers requests."""

    def take(self, frame: bytes, respond: Respond) -> None:
        """Answer the request in ``frame``, now or later, exactly once; must not raise."""
        ...


class ControlSocket:
    """Binds the control address and passes requests on within its limits."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        address: str,
        answerer: Answerer,
        protect: Callable[[zmq.Socket[bytes]], None] | None = None,
        *,
        most_per_peer: int = MOST_PER_PEER,
    ) -> None:
        self._socket = make_socket(context, zmq.ROUTER, most_bytes=CLIENT_BOUNDS.size_bytes)
        self.address = bind(self._socket, address, protect)
        self._answerer = answerer
        self._most_per_peer = most_per_peer
        self._in_flight: Counter[bytes] = Counter()
        self._total = 0
        self.malformed = 0
        self._stream = Stream(self._socket, self._take)

    def close(self) -> None:
        """Stop taking requests; replies under way still leave."""
        self._stream.close()

    def _take(self, frames: Frames) -> None:
        peer = frames[0]
        route, body = _split(frames)
        if len(body) != 1:
            self.malformed += 1
            self._refuse(route, b"", EnvelopeError(f"A request is one frame; this message has {len(body)}."))
        elif self._total >= MOST_IN_FLIGHT or self._in_flight[peer] >= self._most_per_peer:
            details = {"retry_after_s": _RETRY_AFTER_S}
            self._refuse(
                route, body[0], BusyError("Too many requests are in flight; repeat it later.", details=details)
            )
        else:
            self._pass_on(peer, route, body[0])

    def _pass_on(self, peer: bytes, route: Frames, body: bytes) -> None:
        self._total += 1
        self._in_flight[peer] += 1

        def respond(reply: bytes) -> None:
            self._total -= 1
            self._in_flight[peer] -= 1
            if self._in_flight[peer] <= 0:
                del self._in_flight[peer]
            self._stream.send([*route, reply])

        self._answerer.take(body, respond)

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
