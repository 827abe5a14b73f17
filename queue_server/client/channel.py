"""Many requests in flight over one DEALER, for a process that asks on behalf of many people.

Each request carries a label that comes back with its reply. Knows neither methods nor what a reply means.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque

import zmq
from msgspec import Struct

from queue_server.client.edge import Reader
from queue_server.client.exchange import UnreachableError
from queue_server.client.keys import CurveKeys
from queue_server.client.lines import Lines
from queue_server.client.sockets import shared_context
from queue_server.protocol.errors import BusyError, CommunicationError, RequestTimeoutError

MOST_IN_FLIGHT = 1_000
URGENT_RESERVE = 64
"""How many urgent requests may be in flight beyond that."""


class _Question(Struct):
    data: bytes
    answer: asyncio.Future[bytes]
    sent: bool = False


class ControlChannel:
    """A connection to the control socket of a manager, for one event loop.

    A request leaves only while a connection stands, so what was given up while the manager was away never reaches it.
    """

    def __init__(self, address: str, keys: CurveKeys | None = None, *, most_in_flight: int = MOST_IN_FLIGHT) -> None:
        self._address = address
        self._most_in_flight = most_in_flight
        self._loop = asyncio.get_running_loop()
        self._line = Lines(shared_context().socket, address, keys).take()
        self._socket = self._line.dealer
        self._labels = itertools.count(1)
        self._open: dict[bytes, _Question] = {}
        self._unsent: deque[bytes] = deque()
        sources = (self._line.monitor, self._line.note), (self._socket, self._take)
        self._reader = Reader(*sources, then=self._send_unsent, most_at_once=MOST_IN_FLIGHT)

    @property
    def address(self) -> str:
        """Where requests go."""
        return self._address

    @property
    def in_flight(self) -> int:
        """How many requests wait for their reply."""
        return len(self._open)

    async def ask(self, data: bytes, timeout_s: float = 2.0, *, urgent: bool = False) -> bytes:
        """Send the request ``data`` and return the frame of the reply.

        An ``urgent`` one goes before all that were not sent yet, and is taken when the others are refused.

        Raises:
            RequestTimeoutError: no reply in time; as UnreachableError, if the request was not even sent.
            BusyError: too many requests are in flight.
            CommunicationError: the channel is closed.
        """
        if self._socket.closed:
            raise CommunicationError("The connection to the manager is closed.")
        if len(self._open) >= self._most_in_flight + urgent * URGENT_RESERVE:
            raise BusyError("Too many requests wait for the manager; repeat it later.", details={"retry_after_s": 0.1})
        label = next(self._labels).to_bytes(8, "big")
        question = self._open[label] = _Question(data, self._loop.create_future())
        timer = self._loop.call_later(timeout_s, self._give_up, label, timeout_s)
        if urgent:
            self._unsent.appendleft(label)
        else:
            self._unsent.append(label)
        self._send()
        try:
            return await question.answer
        finally:
            timer.cancel()
            self._open.pop(label, None)

    async def close(self) -> None:
        """Close the connection; requests that still wait fail."""
        if self._socket.closed:
            return
        self._reader.close()
        self._line.close()
        for question in self._open.values():
            if not question.answer.done():
                question.answer.set_exception(CommunicationError("The connection to the manager was closed."))

    def _send(self) -> None:
        while self._unsent and self._line.stands:
            question = self._open.get(self._unsent[0])
            if question is not None and not question.answer.done():
                try:
                    self._socket.send_multipart([self._unsent[0], b"", question.data], zmq.NOBLOCK)
                except zmq.Again:
                    break
                question.sent = True
            self._unsent.popleft()
        # ZeroMQ tells of a change only once, and sending may have used up the telling.
        self._reader.look_soon()

    def _send_unsent(self) -> None:
        if self._unsent and self._line.stands and self._socket.poll(0, zmq.POLLOUT):
            self._send()

    def _take(self, frames: list[bytes]) -> None:
        question = self._open.get(frames[0]) if len(frames) == 3 and frames[1] == b"" else None
        if question is not None and not question.answer.done():
            question.answer.set_result(frames[2])

    def _give_up(self, label: bytes, timeout_s: float) -> None:
        question = self._open.get(label)
        if question is None or question.answer.done():
            return
        details = {"address": self._address}
        error = RequestTimeoutError(
            f"The manager at {self._address} did not answer within {timeout_s:g} s; "
            "it may still carry the request out.",
            details=details,
        )
        if not question.sent:
            error = UnreachableError(
                f"No manager answers at {self._address} (waited {timeout_s:g} s; nothing was sent).", details=details
            )
        question.answer.set_exception(error)
