"""Which key opened which connection, so that a connection can be cut when its key is no longer admitted.

libzmq has no call that disconnects one peer of a bound socket, but it tells with each message through which file
descriptor it came. Shutting that down is what the peer's own end would look like.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any


class Connections:
    """The connections on which something was said, by the number of their file descriptor."""

    def __init__(self) -> None:
        self._keys: dict[int, bytes] = {}
        # Numbers are used again: only what is connected to one of these addresses is ours to cut.
        self._addresses: set[Any] = set()

    def note(self, handle: int, key: bytes) -> None:
        """Remember whose connection this is."""
        if self._keys.get(handle) == key:
            return
        self._keys[handle] = key
        connection = _borrow(handle)
        if connection is not None:
            with connection:
                self._addresses.add(connection.getsockname())

    def cut(self, is_admitted: Callable[[bytes], bool]) -> int:
        """Cut the connections of all keys that are not admitted; return how many there were."""
        revoked = [handle for handle, key in self._keys.items() if not is_admitted(key)]
        return sum(self._cut(handle) for handle in revoked)

    def _cut(self, handle: int) -> bool:
        del self._keys[handle]
        connection = _borrow(handle)
        if connection is None:
            return False
        with connection:
            try:
                if connection.getsockname() not in self._addresses:
                    return False
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It has ended by itself.
                return False
        return True


def _borrow(handle: int) -> socket.socket | None:
    """Return the socket behind a file descriptor of libzmq, to be closed by the caller; None if there is none."""
    try:
        copy = os.dup(handle)
    except OSError:
        return None
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return None
