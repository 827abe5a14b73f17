"""Listens at an address before what answers there is loaded, so that whoever connects meanwhile need not try again.

ZeroMQ tries again only after some tenths of a second. What listens belongs to the process, as with systemd's sockets.
"""

from __future__ import annotations

import re
import socket

_PLAIN = re.compile(r"tcp://(\d+\.\d+\.\d+\.\d+):(\d+)")
# As many as ZeroMQ lets wait.
_MOST_WAITING = 100

_listening: dict[str, int] = {}


def listen(address: str) -> None:
    """Listen at ``address`` from now on, if it is a plain one of TCP and free; if not, whoever binds it will say so."""
    plain = _PLAIN.fullmatch(address)
    if plain is None:
        return
    opened = socket.socket()
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((plain[1], int(plain[2])))
        opened.listen(_MOST_WAITING)
    except (OSError, OverflowError):
        opened.close()
        return
    opened.setblocking(False)
    _listening[address] = opened.detach()


def take(address: str) -> int | None:
    """Return the file descriptor that listens at ``address``, which then belongs to the caller, or None."""
    return _listening.pop(address, None)
