"""Tells systemd how a unit of type ``notify`` is: serving, alive, stopping. Outside of units nobody is told anything.

The protocol is one datagram of text for each message, to the socket that ``NOTIFY_SOCKET`` names; a library for it
would be larger than its use here.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import MutableMapping

_log = logging.getLogger(__name__)

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class ServiceUnit:
    """The unit as which this process runs, or none; nothing that it does ever waits or raises."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._socket: socket.socket | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
        self._is_ready = False

    @classmethod
    def take(cls, environ: MutableMapping[str, str] = os.environ) -> ServiceUnit:
        """Return the unit that ``environ`` names, and remove it there, so that no child speaks for this process."""
        address = environ.get(_VARIABLES[0], "")
        for name in _VARIABLES:
            environ.pop(name, None)
        # An address is a path, or a name outside the file system that is written with an @ in front.
        is_usable = address.startswith(("/", "@")) and len(address) > 1
        return cls(address if is_usable else "")

    def tell_ready(self, status: str) -> None:
        """Say that the process serves; ``status`` is a line for people."""
        self._is_ready = True
        self._send(f"READY=1\nSTATUS={status}")

    def tell_alive(self) -> None:
        """Say that the process still answers, each time well within WatchdogSec."""
        if self._is_ready:
            self._send("WATCHDOG=1")

    def tell_stopping(self) -> None:
        """Say that the process is about to end in order."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            self._socket.sendto(message.encode(), address)
        except OSError as error:
            _log.debug("systemd could not be told %s: %s", message.partition("\n")[0], error)
