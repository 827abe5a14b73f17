"""The sockets that carry requests, and whether their connections stand. Sends and receives no request itself."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar

import zmq

from queue_server.client.keys import CurveKeys
from queue_server.client.sockets import connect_dealer
from queue_server.protocol.errors import CommunicationError

S = TypeVar("S", bound="zmq.Socket[Any]")

_IDLE_LINES = 4
_names = count(1)

# The first frame of a message of a monitor: what has happened, and a value (zmq_socket_monitor). pyzmq reads it too,
# in a module that loads asyncio, which costs a command line more than its request.
_HAPPENING = struct.Struct("=Hi")


@dataclass(slots=True, eq=False)
class Line(Generic[S]):
    """A DEALER for one request at a time, and the socket that tells what becomes of its connection.

    A request is handed to the DEALER once the connection stands, so that one which was given up before was not sent.
    The option IMMEDIATE would see to that as well, but drops a reply that nobody has read when the other side goes:
    the last words of a manager that stops.
    """

    dealer: S
    monitor: S
    stands: bool = False

    def note(self, told: Sequence[bytes]) -> None:
        """Take note of a message of the monitor."""
        event, _ = _HAPPENING.unpack(told[0])
        self.stands = event == zmq.EVENT_HANDSHAKE_SUCCEEDED

    def close(self) -> None:
        """Close both sockets; what was not sent is dropped."""
        self.dealer.disable_monitor()
        self.monitor.close(linger=0)
        self.dealer.close(linger=0)


class Lines(Generic[S]):
    """Lines to one address; each is used by one request at a time, from any thread."""

    def __init__(self, make_socket: Callable[[int], S], address: str, keys: CurveKeys | None) -> None:
        self._make_socket = make_socket
        self._address = address
        self._keys = keys
        self._lock = threading.Lock()
        self._idle: list[Line[S]] = []
        self._closed = False

    def take(self) -> Line[S]:
        """Return a line that nobody uses, or a new one.

        Raises:
            CommunicationError: the address cannot be used, or the lines are closed.
        """
        with self._lock:
            if self._closed:
                raise CommunicationError("This RunControl is closed; make a new one.")
            if self._idle:
                return self._idle.pop()
        return self._open()

    def give_back(self, line: Line[S]) -> None:
        """Keep a line whose reply has come for the next request, or close it where enough are kept."""
        with self._lock:
            kept = not self._closed and len(self._idle) < _IDLE_LINES
            if kept:
                self._idle.append(line)
        if not kept:
            line.close()

    def close(self) -> None:
        """Close every line that nobody uses; the others are closed when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _open(self) -> Line[S]:
        dealer, monitor = self._make_socket(zmq.DEALER), self._make_socket(zmq.PAIR)
        # libzmq's thread waits for room in a monitor; a line that stays idle for long must never hold it up.
        monitor.setsockopt(zmq.RCVHWM, 0)
        place = f"inproc://cuelight-line-{next(_names)}"
        dealer.monitor(place, zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        monitor.connect(place)
        try:
            connect_dealer(dealer, self._address, self._keys)
        except CommunicationError:
            monitor.close(linger=0)
            raise
        return Line(dealer, monitor)
