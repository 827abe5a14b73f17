"""How a client sets up its 0MQ sockets, for both forms of ``RunControl``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import zmq

from queue_server.client.addresses import is_local
from queue_server.client.keys import CurveKeys
from queue_server.protocol.errors import CommunicationError

# The first attempts follow quickly, because a restarted manager is back within a second.
_RECONNECT_MS = 20
_RECONNECT_MAX_MS = 500


def shared_context() -> zmq.Context[zmq.Socket[bytes]]:
    """Return the context of this process."""
    return cast("zmq.Context[zmq.Socket[bytes]]", zmq.Context.instance())


def connect_dealer(socket: zmq.Socket[Any], address: str, keys: CurveKeys | None = None) -> None:
    """Connect a socket for requests, encrypted if there are keys.

    What has not been sent is dropped when the socket is closed.

    Raises:
        CommunicationError: the address cannot be used; the socket is closed.
    """
    if keys is not None:
        encrypt(socket, keys)
    _connect(socket, address)


def connect_subscriber(
    socket: zmq.Socket[Any], address: str, prefixes: Iterable[bytes], keys: CurveKeys | None = None
) -> None:
    """Connect a socket for notices; a manager encrypts them only where other hosts can reach their socket.

    Raises:
        CommunicationError: the address cannot be used; the socket is closed.
    """
    for prefix in prefixes:
        socket.setsockopt(zmq.SUBSCRIBE, prefix)
    if keys is not None and keys.notices and not is_local(address):
        encrypt(socket, keys)
    _connect(socket, address)


def encrypt(socket: zmq.Socket[Any], keys: CurveKeys) -> None:
    """Encrypt a socket that is not connected yet."""
    socket.curve_serverkey = keys.server
    socket.curve_publickey = keys.public
    socket.curve_secretkey = keys.secret


def _connect(socket: zmq.Socket[Any], address: str) -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        raise CommunicationError(f"The address {address} cannot be used: {error}") from error
