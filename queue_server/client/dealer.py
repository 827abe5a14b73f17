"""The DEALER socket of a worker: it tells when a connection is made or lost, and can be woken. Knows no message."""

from __future__ import annotations

import contextlib
import socket

import zmq
from zmq.utils.monitor import recv_monitor_message

from queue_server.client.keys import CurveKeys
from queue_server.client.sockets import encrypt
from queue_server.protocol.codec import CLIENT_BOUNDS

RECONNECT_MS = 50
RECONNECT_MAX_MS = 200
HANDSHAKE_MS = 2000
TCP_HEARTBEAT_MS = 2000
HIGH_WATER_MARK = 1000
LINGER_MS = 500

# As plain numbers: as members of an enumeration they cost a microsecond at each use.
_READABLE, _READABLE_OR_ROOM = int(zmq.POLLIN), int(zmq.POLLIN | zmq.POLLOUT)
_AT_ONCE = int(zmq.NOBLOCK)


class Connection:
    """The DEALER socket, what its monitor says, and the socket pair that wakes the poller."""

    def __init__(self, address: str, routing_id: str, keys: CurveKeys | None = None) -> None:
        self._context = zmq.Context()
        self._dealer = self._context.socket(zmq.DEALER)
        options = {
            zmq.IMMEDIATE: 1,  # nothing is queued without a connection, or it would overtake the hello
            zmq.RECONNECT_IVL: RECONNECT_MS,
            zmq.RECONNECT_IVL_MAX: RECONNECT_MAX_MS,
            zmq.HANDSHAKE_IVL: HANDSHAKE_MS,
            zmq.SNDHWM: HIGH_WATER_MARK,
            zmq.RCVHWM: HIGH_WATER_MARK,
            zmq.MAXMSGSIZE: CLIENT_BOUNDS.size_bytes,
            zmq.LINGER: LINGER_MS,
        }
        if address.startswith("tcp:"):
            options[zmq.HEARTBEAT_IVL] = TCP_HEARTBEAT_MS
            options[zmq.HEARTBEAT_TIMEOUT] = 3 * TCP_HEARTBEAT_MS
        for option, value in options.items():
            self._dealer.setsockopt(option, value)
        self._dealer.setsockopt(zmq.ROUTING_ID, routing_id.encode())
        if keys is not None:
            encrypt(self._dealer, keys)
        self._monitor = self._dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._poller = zmq.Poller()
        for waited in (self._dealer, self._monitor, self._wake_reader):
            self._poller.register(waited, zmq.POLLIN)
        self._waits_for_room = False
        # What the last wait has found: a turn in which nothing has come looks nowhere else.
        self._has_changed = self._has_message = True
        self._address = address

    def open(self) -> None:
        """Begin to connect; nothing happens if the other side is not there yet."""
        self._dealer.connect(self._address)

    def wake(self) -> None:
        """Make ``wait`` return; from any thread."""
        # A full pair means that a wake-up is under way already; a closed one, that the link has ended.
        with contextlib.suppress(OSError):
            self._wake_writer.send(b"\0")

    def wait(self, timeout_s: float | None, *, for_room: bool) -> None:
        """Wait for a message, a change of the connection, a wake-up, or with ``for_room`` until sending is possible."""
        if for_room is not self._waits_for_room:
            self._waits_for_room = for_room
            self._poller.modify(self._dealer, _READABLE_OR_ROOM if for_room else _READABLE)
        # Rounded up: a wait that ends just before its deadline would be followed by one of no length.
        found = dict(self._poller.poll(None if timeout_s is None else int(timeout_s * 1000) + 1))
        self._has_changed = self._monitor in found
        self._has_message = bool(found.get(self._dealer, 0) & _READABLE)
        if self._wake_reader.fileno() in found:
            self._forget_wakes()

    def _forget_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_reader.recv(4096):
                pass

    def changes(self) -> list[bool]:
        """Return what happened to the connection until the last wait ended: True for made, False for lost."""
        found: list[bool] = []
        while self._has_changed and self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            found.append(event == zmq.EVENT_HANDSHAKE_SUCCEEDED)
        return found

    def send(self, frame: bytes) -> bool:
        """Send a frame; return whether there was room for it."""
        try:
            self._dealer.send(frame, _AT_ONCE)
        except zmq.Again:
            return False
        return True

    def receive(self) -> list[bytes] | None:
        """Return the frames of the next message; None when the last wait has found none, or no more."""
        if not self._has_message:
            return None
        try:
            return self._dealer.recv_multipart(_AT_ONCE)
        except zmq.Again:
            return None

    def close(self) -> None:
        """Close everything; what was sent may still leave for a moment."""
        self._dealer.disable_monitor()
        self._monitor.close(0)
        self._dealer.close()
        self._context.term()
        self._wake_reader.close()
        self._wake_writer.close()
