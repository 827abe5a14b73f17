"""HTTP as a hostile client speaks it: bytes on a socket, as slow and as wrong as a test needs them."""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit


class Wire:
    """One connection to a gateway."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname or "", place.port or 80), 10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""
        self.sent = 0

    def send(self, data: bytes) -> None:
        """Send bytes; a connection that the other side has closed takes them in vain."""
        with suppress(OSError):
            self._socket.sendall(data)
            self.sent += len(data)

    @property
    def has_answer(self) -> bool:
        """Whether something has come, or the connection has ended."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(0))

    @property
    def has_ended(self) -> bool:
        """Whether the other side has closed the connection; what it has said before is passed over."""
        while self.has_answer:
            try:
                if not self._socket.recv(65536):
                    return True
            except OSError:
                return True
        return False

    def read(self, seconds: float = 10.0) -> bytes:
        """Return what comes until the other side closes the connection.

        Raises:
            TimeoutError: it does not.
        """
        until = time.monotonic() + seconds
        while True:
            self._socket.settimeout(max(0.001, until - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except ConnectionError:
                return self._answer
            if not data:
                return self._answer
            self._answer += data

    def status(self, seconds: float = 10.0) -> int:
        """Return the status of the answer, whether the connection ends after it or not."""
        until = time.monotonic() + seconds
        while b"\r\n" not in self._answer:
            self._socket.settimeout(max(0.001, until - time.monotonic()))
            data = self._socket.recv(65536)
            if not data:
                return 0
            self._answer += data
        return int(self._answer.split(b" ", 2)[1])

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
