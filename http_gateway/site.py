"""The gateway that serves in this process, for code of a site that has no request at hand. Opens nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from http_gateway.config import GatewaySettings
from queue_server.protocol.errors import StateError


class Site:
    """What is known while a gateway serves, and what must be closed when it ends."""

    def __init__(self) -> None:
        self._settings: GatewaySettings | None = None
        self._closers: list[Callable[[], Awaitable[None]]] = []

    @property
    def settings(self) -> GatewaySettings:
        """Those of the gateway.

        Raises:
            StateError: none serves.
        """
        if self._settings is None:
            raise StateError("No gateway serves in this process; ask for the manager inside a request.")
        return self._settings

    @asynccontextmanager
    async def serving(self, settings: GatewaySettings) -> AsyncGenerator[None]:
        """Tell the settings inside the block."""
        self._settings = settings
        try:
            yield
        finally:
            self._settings = None
            closers, self._closers = self._closers, []
            for close in closers:
                await close()

    def call_at_end(self, close: Callable[[], Awaitable[None]]) -> None:
        """Await ``close`` when the gateway ends."""
        self._closers.append(close)


SITE = Site()
