"""How a client sets up its 0MQ sockets, for both forms of ``RunControl``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import zmq

from queue_server.protocol.errors import CommunicationError

# The first attempts follow quickly, because a restarted manager is back within a second.
_RECONNECT_MS = 20
_RECONNECT_MAX_MS = 500


def connect_dealer(socket: zmq.Socket[Any], address: str) -> None:
    """Connect a socket for requests.

    A request is sent only over a connection that stands, and is dropped when its socket is closed.

    Raises:
        CommunicationError: the address cannot be used; the socket is closed.
    """
    socket.setsockopt(zmq.IMMEDIATE, 1)
    _connect(socket, address)


def connect_subscriber(socket: zmq.Socket[Any], address: str, prefixes: Iterable[bytes]) -> None:
    """Connect a socket for notices.

    Raises:
        CommunicationError: the address cannot be used; the socket is closed.
    """
    for prefix in prefixes:
        socket.setsockopt(zmq.SUBSCRIBE, prefix)
    _connect(socket, address)


def _connect(socket: zmq.Socket[Any], address: str) -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        raise CommunicationError(f"The address {address} cannot be used: {error}") from error
