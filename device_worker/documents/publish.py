"""Publishes documents under numbers, for whoever listens at the moment. It never waits, and never refuses one.

A subscriber that is slow loses documents, which costs the plan nothing, and can tell by the numbers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import zmq

from queue_server.client.keys import CurveKeys
from queue_server.client.sockets import connect_dealer
from queue_server.clock import Clock
from queue_server.protocol.codec import encode
from queue_server.protocol.device_values import DEVICE_PREFIX
from queue_server.protocol.documents import MARK, MOST_PUBLISHED_BYTES, DocumentHeader, make_plain, pack_published

_log = logging.getLogger(__name__)

MARK_EACH_S = 1.0
"""How soon a subscriber learns of documents that it has lost, if none follow."""

GATHER_S = 0.01
"""How long documents are gathered: to send each alone would wake three other threads or processes for it."""

# So many are sent at once, by the thread that has emitted the last of them.
_MOST_GATHERED = 100
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
        """
        self._clock = clock
        self._mark_each_s = mark_each_s
        self._changed = threading.Condition()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = connect_outlet(self._context, outlet)
        self._last = DocumentHeader(outlet.lane, outlet.incarnation, 0, MARK, clock.wall())
        self._topics: set[bytes] = set()
        self._gathered: list[list[bytes]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="publisher", daemon=True)

    def start(self) -> None:
        """Begin to send; while there is nothing, tell at regular intervals which number was the last."""
        self._thread.start()

    @property
    def number(self) -> int:
        """The number of the last document."""
        return self._last.number

    def publish(self, name: str, document: Mapping[str, Any]) -> None:
        """Send a document soon, if somebody listens; it counts in any case."""
        with self._changed:
            last = self._last
            header = DocumentHeader(last.lane, last.incarnation, last.number + 1, name, self._clock.wall())
            self._last = header
            if not self._has_listener():
                return
            self._gathered.append(self._pack(header, document))
            if len(self._gathered) == 1:
                self._changed.notify()
            elif len(self._gathered) >= _MOST_GATHERED:
                self._send_gathered()

    def close(self) -> None:
        """Stop; what was sent may take half a second to leave."""
        self._ended.set()
        with self._changed:
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        with self._changed:
            self._send_gathered()
            self._socket.close(_LINGER_MS)
        self._context.term()

    def _serve(self) -> None:
        while not self._ended.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._gathered or self._ended.is_set(), self._mark_each_s)
                if not self._gathered and self._has_listener():
                    self._send(pack_published(replace(self._last, name=MARK, time=self._clock.wall())))
                    continue
            self._ended.wait(GATHER_S)
            with self._changed:
                self._send_gathered()

    def _send_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        for frames in gathered:
            self._send(frames)

    def _has_listener(self) -> bool:
        """Whether anybody subscribes, after a look at who has begun or ended to."""
        if self._socket.closed:
            return False
        for _ in range(_MOST_AT_ONCE):
            if not int(self._socket.get(_EVENTS)) & _READABLE:
                break
            message = self._socket.recv(_AT_ONCE)
            if message.startswith(DEVICE_PREFIX, 1):
                # Whoever wants values of devices wants no documents.
                continue
            if message[:1] == b"\1":
                self._topics.add(message[1:])
            elif message[:1] == b"\0":
                self._topics.discard(message[1:])
        return bool(self._topics)

    def _pack(self, header: DocumentHeader, document: Mapping[str, Any]) -> list[bytes]:
        omitted = _too_large(_elements(document))
        if not omitted:
            try:
                content = _encode(document)
            except ValueError as error:
                omitted = str(error)
            else:
                omitted = _too_large(len(content))
                if not omitted:
                    return pack_published(header, content)
        return pack_published(replace(header, omitted=omitted))

    def _send(self, frames: list[bytes]) -> None:
        try:
            for frame in frames[:-1]:
                self._socket.send(frame, _AT_ONCE_WITH_MORE)
            self._socket.send(frames[-1], _AT_ONCE)
        except zmq.ZMQError as error:
            # It has its number, so that whoever listens can tell.
            _log.debug("A document was not published: %s", error)


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


def _encode(document: Mapping[str, Any]) -> bytes:
    try:
        return encode(document, "msgpack")
    except (TypeError, OverflowError):
        # Values without a form in a message are shown as in the record.
        return _encode_any(document)


def _encode_any(document: Mapping[str, Any]) -> bytes:
    try:
        return encode(make_plain(document), "msgpack")
    except (TypeError, OverflowError) as error:
        raise ValueError(f"it cannot be put into a message: {error}") from error


def _elements(document: Mapping[str, Any]) -> int:
    """Return the number of elements of the arrays in an event, each of which takes a byte or more."""
    data = document.get("data")
    if not isinstance(data, Mapping):
        return 0
    return sum(size for value in data.values() if isinstance(size := getattr(value, "size", 0), int))


def _too_large(size_bytes: int) -> str:
    if size_bytes <= MOST_PUBLISHED_BYTES:
        return ""
    return f"it takes {size_bytes} bytes or more, and at most {MOST_PUBLISHED_BYTES} are published"
