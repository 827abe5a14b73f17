"""Many requests in flight over one DEALER, for a process that asks on behalf of many people.

Each request carries a label that comes back with its reply. Knows neither methods nor what a reply means.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass

import zmq

from queue_server.client.exchange import UnreachableError
from queue_server.client.keys import CurveKeys
from queue_server.client.sockets import connect_dealer, shared_context
from queue_server.protocol.errors import BusyError, CommunicationError, RequestTimeoutError

MOST_IN_FLIGHT = 1_000


@dataclass(slots=True)
class _Question:
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
        self._socket = shared_context().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        connect_dealer(self._socket, address, keys)
        self._labels = itertools.count(1)
        self._open: dict[bytes, _Question] = {}
        self._unsent: deque[bytes] = deque()
        self._looking = False
        self._loop.add_reader(self._socket.FD, self._look)

    @property
    def address(self) -> str:
        """Where requests go."""
        return self._address

    @property
    def in_flight(self) -> int:
        """How many requests wait for their reply."""
        return len(self._open)

    async def ask(self, data: bytes, timeout_s: float = 2.0) -> bytes:
        """Send the request ``data`` and return the frame of the reply.

        Raises:
            RequestTimeoutError: no reply in time; as UnreachableError, if the request was not even sent.
            BusyError: too many requests are in flight.
            CommunicationError: the channel is closed.
        """
        if self._socket.closed:
            raise CommunicationError("The connection to the manager is closed.")
        if len(self._open) >= self._most_in_flight:
            raise BusyError("Too many requests wait for the manager; repeat it later.", details={"retry_after_s": 0.1})
        label = next(self._labels).to_bytes(8, "big")
        question = self._open[label] = _Question(data, self._loop.create_future())
        timer = self._loop.call_later(timeout_s, self._give_up, label, timeout_s)
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
        self._loop.remove_reader(self._socket.FD)
        self._socket.close(linger=0)
        for question in self._open.values():
            if not question.answer.done():
                question.answer.set_exception(CommunicationError("The connection to the manager was closed."))

    def _send(self) -> None:
        while self._unsent:
            question = self._open.get(self._unsent[0])
            if question is not None and not question.answer.done():
                try:
                    self._socket.send_multipart([self._unsent[0], b"", question.data], zmq.NOBLOCK)
                except zmq.Again:
                    break
                question.sent = True
            self._unsent.popleft()
        # ZeroMQ tells of a change only once, and sending may have used up the telling.
        if not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        while not self._socket.closed:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._take(frames)
        if self._unsent and not self._socket.closed and self._has_room():
            self._send()

    def _has_room(self) -> bool:
        return bool(self._socket.poll(0, zmq.POLLOUT))

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
