"""Publishes documents under numbers, for whoever listens at the moment. It never waits, and never refuses one.

A subscriber that is slow loses documents, which costs the plan nothing, and can tell by the numbers.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import zmq

from device_worker.documents.content import ContentEncoder, OmittedError
from device_worker.documents.timer import Timer
from queue_server.client.keys import CurveKeys
from queue_server.client.sockets import connect_dealer
from queue_server.clock import Clock
from queue_server.protocol.device_values import DEVICE_PREFIX
from queue_server.protocol.documents import MARK, DocumentHeader, pack_published

_log = logging.getLogger(__name__)

MARK_EACH_S = 1.0
"""How soon a subscriber learns of documents that it has lost, if none follow."""

GATHER_S = 0.01
"""How long documents are gathered: to send each alone would wake three other threads or processes for it."""

# While documents follow each other, the thread that emits them sends so many at once, or what is so old. This is sooner
# than the other thread, which is left the last ones: two threads in turns cost more than the work that they share.
_MOST_GATHERED = 100
_SEND_S = 0.5 * GATHER_S
# Topics and keys are short; what is larger comes from nobody who subscribes.
_MOST_TOPIC_BYTES = 4096
_MOST_WAITING = 1000
_MOST_AT_ONCE = 100
_LINGER_MS = 500
# As plain numbers: as members of an enumeration they cost a microsecond at each use.
_EVENTS, _READABLE = int(zmq.EVENTS), int(zmq.POLLIN)
_AT_ONCE, _AT_ONCE_WITH_MORE = int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE)


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where a worker publishes, and as whom; with ``keys`` the connection is encrypted."""

    address: str
    lane: str
    incarnation: str
    keys: CurveKeys | None = None


class Publisher:
    """Sends documents from any thread to the manager's forwarder, as long as somebody subscribes there."""

    def __init__(self, outlet: Outlet, clock: Clock, mark_each_s: float = MARK_EACH_S) -> None:
        """Connect.

        Raises:
            CommunicationError: the address cannot be used.
            OSError: the process has too many files open.
        """
        self._clock = clock
        self._mark_each_s = mark_each_s
        self._outlet = outlet
        self._guard = threading.Lock()
        self._socket = _Socket(outlet)
        self._gathered = _Gathered()
        self._encoder = ContentEncoder()
        self._number = 0
        self._has_ended = False
        self._thread = threading.Thread(target=self._serve, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin to send; while there is nothing, tell listeners at regular intervals which number was the last."""
        self._thread.start()

    @property
    def number(self) -> int:
        """The number of the last document."""
        return self._number

    def publish(self, name: str, document: Mapping[str, Any]) -> None:
        """Send a document soon, if somebody listens; it counts in any case."""
        with self._guard:
            self._number += 1
            # While some are gathered somebody listens; whoever has ceased to is noticed with the next ones.
            if not self._gathered.frames and not self._socket.has_listener():
                return
            if self._gathered.add(self._pack(name, document), self._clock.monotonic()):
                self._send_gathered()

    def close(self) -> None:
        """Stop; what was sent may take half a second to leave. A second time does nothing."""
        with self._guard:
            if self._has_ended:
                return
            self._has_ended = True
            self._gathered.timer.set(0)
        if self._thread.is_alive():
            self._thread.join()
        with self._guard:
            self._send_gathered()
            self._socket.close()
        self._gathered.timer.close()

    def _serve(self) -> None:
        timer, is_alone = self._gathered.timer, True
        while True:
            timer.wait(self._socket.descriptor if is_alone else None)
            with self._guard:
                if self._has_ended:
                    return
                is_alone = not self._send_due()

    def _send_due(self) -> bool:
        """Send what is gathered, or a mark; return whether anybody listens, who then waits for the next mark."""
        had_gathered = self._send_gathered()
        if not self._socket.has_listener():
            return False
        if not had_gathered:
            self._socket.send(pack_published(self._header(MARK)))
        self._gathered.timer.set(self._mark_each_s)
        return True

    def _send_gathered(self) -> bool:
        gathered, self._gathered.frames = self._gathered.frames, []
        for frames in gathered:
            self._socket.send(frames)
        return bool(gathered)

    def _pack(self, name: str, document: Mapping[str, Any]) -> list[bytes]:
        try:
            content = self._encoder.encode(document)
        except OmittedError as omission:
            return pack_published(self._header(name, str(omission)))
        return pack_published(self._header(name), content)

    def _header(self, name: str, omitted: str = "") -> DocumentHeader:
        outlet = self._outlet
        return DocumentHeader(outlet.lane, outlet.incarnation, self._number, name, self._clock.wall(), omitted)


class _Gathered:
    """What is gathered to be sent together, and the timer that wakes the thread which sends it at the latest."""

    def __init__(self) -> None:
        self.timer = Timer()
        self.frames: list[list[bytes]] = []
        self._begun_s = 0.0

    def add(self, frames: list[bytes], now_s: float) -> bool:
        """Take a document; return whether whoever emits it is to send it with the others."""
        if not self.frames:
            self._begun_s = now_s
            self.timer.set(GATHER_S)
        self.frames.append(frames)
        return now_s - self._begun_s >= _SEND_S or len(self.frames) >= _MOST_GATHERED


class _Socket:
    """The socket to the manager's forwarder, and who subscribes there; for one thread at a time."""

    def __init__(self, outlet: Outlet) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        # Its thread would otherwise take the processor from whoever emits documents at each of those that are sent
        # together; so it takes several at once, or another processor.
        self._context.set(zmq.THREAD_SCHED_POLICY, os.SCHED_BATCH)
        self._socket = connect_outlet(self._context, outlet)
        # What a Socket does beyond that is for other kinds of sockets, and takes as long again.
        self._send_frame = super(zmq.Socket, self._socket).send
        self._topics: set[bytes] = set()
        self.descriptor = int(self._socket.get(zmq.FD))
        """What can be read when somebody begins to subscribe, and at other times, until there is a look at who does."""

    def has_listener(self) -> bool:
        """Whether anybody subscribes, after a look at who has begun or ended to."""
        if self._socket.closed:
            return False
        read = 0
        # While nobody listens there is no other look, unless the descriptor can be read again.
        while (read < _MOST_AT_ONCE or not self._topics) and int(self._socket.get(_EVENTS)) & _READABLE:
            self._note(self._socket.recv(_AT_ONCE))
            read += 1
        return bool(self._topics)

    def _note(self, message: bytes) -> None:
        if message.startswith(DEVICE_PREFIX, 1):
            # Whoever wants values of devices wants no documents.
            return
        if message[:1] == b"\1":
            self._topics.add(message[1:])
        elif message[:1] == b"\0":
            self._topics.discard(message[1:])

    def send(self, frames: list[bytes]) -> None:
        """Send a message, or drop it."""
        try:
            topic, header, content = frames
            self._send_frame(topic, _AT_ONCE_WITH_MORE)
            self._send_frame(header, _AT_ONCE_WITH_MORE)
            self._send_frame(content, _AT_ONCE)
        except zmq.ZMQError as error:
            # It has its number, so that whoever listens can tell.
            _log.debug("A document was not published: %s", error)

    def close(self) -> None:
        """Close it; what was sent may take half a second to leave."""
        self._socket.close(_LINGER_MS)
        self._context.term()


def connect_outlet(context: zmq.Context[zmq.Socket[bytes]], outlet: Outlet) -> zmq.Socket[bytes]:
    """Return a socket that sends to whoever subscribes, and tells who does; it never waits.

    Raises:
        CommunicationError: the address cannot be used.
    """
    # The same as a PUB, except that it tells whether anybody subscribes.
    socket = context.socket(zmq.XPUB)
    socket.set(zmq.MAXMSGSIZE, _MOST_TOPIC_BYTES)
    socket.set(zmq.SNDHWM, _MOST_WAITING)
    # While the manager is away nobody listens, and nothing is to wait for its return.
    socket.set(zmq.IMMEDIATE, 1)
    socket.set(zmq.HEARTBEAT_IVL, 5_000)
    socket.set(zmq.HEARTBEAT_TIMEOUT, 20_000)
    connect_dealer(socket, outlet.address, outlet.keys)
    return socket
