"""The socket for values of devices, and the thread that owns it: who subscribes decides what is followed.

It is apart from that for documents, so that neither their numbers nor their speed depend on it. While nothing changes
and nobody comes or goes, the thread sleeps.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading

import zmq

from device_worker.device_values.followers import Followers
from device_worker.device_values.newest import Content
from device_worker.documents.publish import Outlet, connect_outlet
from queue_server.clock import Clock
from queue_server.protocol.device_values import DeviceValues, pack_values, read_asking_topic, read_values_topic

_log = logging.getLogger(__name__)

_LINGER_MS = 500
# Who else comes or goes is heard in the next round.
_MOST_AT_ONCE = 1000
# As plain numbers: as members of an enumeration they cost a microsecond at each use.
_EVENTS, _READABLE = int(zmq.EVENTS), int(zmq.POLLIN)
_AT_ONCE, _AT_ONCE_WITH_MORE = int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE)


class ValuesOutlet:
    """Sends the values of devices to the manager's forwarder, of those devices that somebody subscribes to there."""

    def __init__(self, outlet: Outlet, clock: Clock) -> None:
        """Connect.

        Raises:
            CommunicationError: the address cannot be used.
        """
        self._outlet = outlet
        self._clock = clock
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = connect_outlet(self._context, outlet)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self.followers = Followers(clock, self._wake)
        self._numbers: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="device values", daemon=True)

    def start(self) -> None:
        """Begin to hear who subscribes."""
        self._thread.start()

    def close(self) -> None:
        """Stop; what was sent may take half a second to leave."""
        self._ended.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close(_LINGER_MS)
        self._context.term()
        self._wake_writer.close()
        self._wake_reader.close()

    def _wake(self) -> None:
        # A full pair means that a wake-up is under way already; a closed one, that this has ended.
        with contextlib.suppress(OSError):
            self._wake_writer.send(b"\0")

    def _serve(self) -> None:
        poller = zmq.Poller()
        for waited in (self._socket, self._wake_reader):
            poller.register(waited, zmq.POLLIN)
        while not self._ended.is_set():
            poller.poll(self._patience_ms())
            with contextlib.suppress(BlockingIOError):
                while self._wake_reader.recv(4096):
                    pass
            self._hear()
            for device, content in self.followers.take_due():
                self._send(device, content)

    def _patience_ms(self) -> int | None:
        due_s = self.followers.due_s()
        if due_s is None:
            return None
        # Rounded up: a wait that ends just before its deadline would be followed by one of no length.
        return int(max(due_s - self._clock.monotonic(), 0.0) * 1000) + 1

    def _hear(self) -> None:
        """Take note of everybody who has begun or ended to subscribe."""
        for _ in range(_MOST_AT_ONCE):
            if not int(self._socket.get(_EVENTS)) & _READABLE:
                return
            message = self._socket.recv(_AT_ONCE)
            begins, topic = message[:1] == b"\1", message[1:]
            device = read_values_topic(topic, self._outlet.lane)
            if device is not None and begins:
                self.followers.want(device)
            elif device is not None:
                self.followers.unwant(device)
                self._numbers.pop(device, None)
            elif begins and (device := read_asking_topic(topic, self._outlet.lane)) is not None:
                self.followers.repeat(device)

    def _send(self, device: str, content: Content) -> None:
        readings, is_moving, note, error = content
        number = self._numbers[device] = self._numbers.get(device, 0) + 1
        outlet, now = self._outlet, self._clock.wall()
        values = DeviceValues(
            outlet.lane, device, outlet.incarnation, number, now, readings, is_moving, note=note, error=error
        )
        try:
            topic, told = pack_values(values)
            self._socket.send(topic, _AT_ONCE_WITH_MORE)
            self._socket.send(told, _AT_ONCE)
        except (TypeError, zmq.ZMQError) as failure:
            # What follows is newer, and whole.
            _log.warning("Values of %r were not told: %s", device, failure)
