"""Listens at an address before what answers there is loaded, so that whoever connects meanwhile need not try again.

ZeroMQ tries again only after some tenths of a second. What listens belongs to the process, as with systemd's sockets.
"""

from __future__ import annotations

import re
import socket

# Whether any other address may be listened at is decided later.
_LOOPBACK = re.compile(r"tcp://(127\.\d+\.\d+\.\d+):(\d+)")
# As many as ZeroMQ lets wait.
_MOST_WAITING = 100

_listening: dict[str, int] = {}


def listen(address: str) -> None:
    """Listen at ``address`` from now on, if it is a free one of TCP that only this host reaches.

    If it is not, whoever binds it will say so.
    """
    found = _LOOPBACK.fullmatch(address)
    if found is None:
        return
    opened = socket.socket()
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((found[1], int(found[2])))
        opened.listen(_MOST_WAITING)
    except (OSError, OverflowError):
        opened.close()
        return
    opened.setblocking(False)
    _listening[address] = opened.detach()


def take(address: str) -> int | None:
    """Return the file descriptor that listens at ``address``, which then belongs to the caller, or None."""
    return _listening.pop(address, None)
