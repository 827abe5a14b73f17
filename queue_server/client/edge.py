"""ZeroMQ sockets on an event loop: what waits in them is handed over at once. Knows nothing of what the messages mean.

ZeroMQ's file descriptor is edge-triggered: it tells once that something has changed. So whoever reads must read until
nothing is left, and must look again after every send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import zmq

Source = tuple["zmq.Socket[bytes]", Callable[[list[bytes]], None]]

MOST_AT_ONCE = 256
# As a plain number: what is combined with a flag becomes a flag again, which takes longer than to ask the socket.
_IS_READABLE = int(zmq.POLLIN)


class Reader:
    """Hands every message that waits in a socket to the function beside it; for one event loop.

    The sockets are read in the order given, each of them up to ``most_at_once`` messages before other work of the
    event loop gets its turn; ``then`` is called after each look that has left nothing waiting.
    """

    def __init__(
        self, *sources: Source, then: Callable[[], None] | None = None, most_at_once: int = MOST_AT_ONCE
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sources = sources
        self._then = then
        self._most_at_once = most_at_once
        self._looking = False
        self._closed = False
        for socket, _ in sources:
            self._loop.add_reader(socket.FD, self._look)
        self.look_soon()

    def look_soon(self) -> None:
        """Look at the sockets in the next turn of the event loop: whoever sends may have used up what they tell."""
        if not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def close(self) -> None:
        """Hand over nothing more; the sockets stay open, and are closed after this."""
        if self._closed:
            return
        self._closed = True
        for socket, _ in self._sources:
            self._loop.remove_reader(socket.FD)

    def _look(self) -> None:
        self._looking = False
        emptied = [self._hand_over(socket, take) for socket, take in self._sources]
        if self._closed:
            return
        if not all(emptied):
            self.look_soon()
        elif self._then is not None:
            self._then()

    def _hand_over(self, socket: zmq.Socket[bytes], take: Callable[[list[bytes]], None]) -> bool:
        """Hand over what waits; return whether nothing is left."""
        for _ in range(self._most_at_once):
            if self._closed:
                return True
            # Cheaper than the exception by which an empty socket tells.
            if not int(socket.getsockopt(zmq.EVENTS)) & _IS_READABLE:
                return True
            frames = socket.recv_multipart(zmq.NOBLOCK)
            try:
                take(frames)
            except BaseException:
                # What waits behind this message shows by no further sign.
                self.look_soon()
                raise
        return False
