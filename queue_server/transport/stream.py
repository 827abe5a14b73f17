"""A ZeroMQ socket on the event loop: every waiting message is handed over at once, and nothing ever waits.

ZeroMQ's file descriptor is edge-triggered: it tells once that something has changed. So whoever reads must read until
nothing is left, and must look again after every send.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import zmq

from queue_server.clock import SystemClock
from queue_server.protocol.limits import DEFAULT_LIMITS
from queue_server.protocol.peer import ANYBODY, Peer
from queue_server.transport import early

Frames = list[bytes]

_log = logging.getLogger(__name__)

# That of an event loop may stand still until its next turn.
_clock = SystemClock()

# How many messages are handed over, and for how long, before other work of the event loop gets its turn.
_MOST_AT_ONCE = 256
_LONGEST_S = 0.002

# As plain numbers: as members of an enumeration they cost a microsecond at each use.
_EVENTS, _READABLE = int(zmq.EVENTS), int(zmq.POLLIN)
_AT_ONCE = int(zmq.NOBLOCK)
_AT_ONCE_WITH_MORE = int(zmq.NOBLOCK | zmq.SNDMORE)


class Guard(Protocol):
    """Protects a socket, and knows its peers by their keys."""

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Encrypt a socket that is not bound yet."""
        ...

    def identify(self, frame: zmq.Frame) -> Peer | None:
        """Return who has sent a frame, or None if that peer is not to be heard."""
        ...


class Stream:
    """Reads messages from a socket and hands each one to ``take``; with a guard only those of whom it knows."""

    def __init__(self, socket: zmq.Socket[bytes], take: Callable[[Frames], None], guard: Guard | None = None) -> None:
        self._socket = socket
        self._take = take
        self._guard = guard
        self.speaker = ANYBODY
        self._loop = asyncio.get_running_loop()
        self._looking = False
        self.dropped = 0
        self._loop.add_reader(socket.FD, self._look)
        self._look_soon()

    def send(self, frames: Sequence[bytes]) -> bool:
        """Send at once or drop; return whether it was sent."""
        try:
            send_at_once(self._socket, frames)
        except zmq.ZMQError as error:
            self.dropped += 1
            _log.debug("A message was dropped: %s", error)
            return False
        finally:
            self._look_soon()
        return True

    def take_waiting(self) -> None:
        """Hand over what waits now, as far as one turn of the event loop goes."""
        self._look()

    def close(self, linger_ms: int = 500) -> None:
        """Stop reading and close the socket; what was sent may take ``linger_ms`` to leave."""
        if self._socket.closed:
            return
        self._loop.remove_reader(self._socket.FD)
        self._socket.close(linger_ms)

    def _receive(self) -> Frames:
        """Return the next message, and note who sent it; nothing of one whose sender is not to be heard."""
        if self._guard is None:
            return _receive_at_once(self._socket)
        frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
        speaker = self._guard.identify(frames[-1])
        if speaker is None:
            return []
        self.speaker = speaker
        return [frame.bytes for frame in frames]

    def _look_soon(self) -> None:
        if not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        is_empty = False
        # What is sent meanwhile needs no look of its own.
        self._looking = True
        try:
            is_empty = self._take_some()
        finally:
            self._looking = False
            if not is_empty:
                # Also behind a message that could not be taken: what waits there shows by no further sign.
                self._look_soon()

    def _take_some(self) -> bool:
        """Hand over what one turn of the event loop has time for; return whether nothing is left."""
        until = _clock.monotonic() + _LONGEST_S
        for _ in range(_MOST_AT_ONCE):
            if self._socket.closed:
                return True
            try:
                # Cheaper than the exception by which an empty socket tells.
                if not int(self._socket.get(_EVENTS)) & _READABLE:
                    return True
                frames = self._receive()
            except zmq.ZMQError as error:
                _log.warning("A message could not be received: %s", error)
                return True
            if frames:
                self._take(frames)
            if _clock.monotonic() > until:
                break
        return False


def send_at_once(socket: zmq.Socket[bytes], frames: Sequence[bytes]) -> None:
    """Send a message, which is dropped where its peer takes no more.

    Raises:
        zmq.ZMQError: it cannot be sent now.
    """
    for frame in frames[:-1]:
        socket.send(frame, _AT_ONCE_WITH_MORE)
    socket.send(frames[-1], _AT_ONCE)


def _receive_at_once(socket: zmq.Socket[bytes]) -> Frames:
    # A frame knows whether another one follows; to ask the socket takes longer than to receive it.
    frame = socket.recv(_AT_ONCE, copy=False)
    frames = [frame.bytes]
    while frame.more:
        frame = socket.recv(_AT_ONCE, copy=False)
        frames.append(frame.bytes)
    return frames


def make_socket(
    context: zmq.Context[zmq.Socket[bytes]],
    kind: int,
    *,
    most_bytes: int,
    most_waiting: int = DEFAULT_LIMITS.max_messages_waiting,
) -> zmq.Socket[bytes]:
    """Return a socket with the limits that every socket of the manager has."""
    socket = context.socket(kind)
    socket.set(zmq.MAXMSGSIZE, most_bytes)
    socket.set(zmq.HANDSHAKE_IVL, 2_000)
    socket.set(zmq.HEARTBEAT_IVL, 5_000)
    socket.set(zmq.HEARTBEAT_TIMEOUT, 20_000)
    socket.set(zmq.SNDHWM, most_waiting)
    socket.set(zmq.RCVHWM, most_waiting)
    socket.set(zmq.LINGER, 0)
    return socket


def bind(socket: zmq.Socket[bytes], address: str, guard: Guard | None = None) -> str:
    """Bind, protected by ``guard`` if given, and return the address with the port that was given for port 0.

    Raises:
        OSError: the address is in use or cannot be bound; the message names it.
    """
    if address.startswith("tcp://["):
        socket.setsockopt(zmq.IPV6, 1)
    if guard is not None:
        guard.protect(socket)
    listening = early.take(address)
    if listening is not None:
        socket.set(zmq.USE_FD, listening)
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        # A socket that stays open would keep the context, and with it the process, from ending.
        socket.close(0)
        raise OSError(error.errno, f"cannot bind {address}: {error.strerror}") from error
    return socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
