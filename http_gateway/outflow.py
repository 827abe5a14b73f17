"""What is written to a connection and not taken: whoever takes nothing for too long loses the connection.

A connection that is closed in order first sends what was written, which to a peer that reads nothing takes for ever.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any, Final

_LOOK_EACH_S: Final = 0.5
_DISCARD: Final = struct.pack("ii", 1, 0)


def cut(transport: asyncio.Transport) -> None:
    """End a connection at once; the system keeps nothing for its peer either."""
    connection: Any = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD)
    transport.abort()


class Outflow:
    """Watches one connection, only as long as something is unsent; for the protocol of the connection."""

    def __init__(self, transport: asyncio.Transport, patience_s: float) -> None:
        self._transport = transport
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0
        self._moved_s = 0.0
        # A writer that waits goes on once everything is sent: what is unsent is never more than what it wrote last.
        # At 0, a connection with TLS would never count as sent.
        transport.set_write_buffer_limits(high=1, low=0)

    def begin(self) -> None:
        """Watch: something is unsent from now on."""
        self.end()
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._moved_s = self._loop.time()
        self._look_later()

    def end(self) -> None:
        """Watch no more: everything is sent, or the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_later(self) -> None:
        self._timer = self._loop.call_later(min(_LOOK_EACH_S, self._patience_s), self._look)

    def _look(self) -> None:
        self._timer = None
        unsent_bytes, now_s = self._transport.get_write_buffer_size(), self._loop.time()
        if unsent_bytes < self._unsent_bytes:
            self._moved_s = now_s
        self._unsent_bytes = unsent_bytes
        if now_s - self._moved_s >= self._patience_s:
            cut(self._transport)
        else:
            self._look_later()
