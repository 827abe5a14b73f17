"""Deadlines that become events: each is set once, and comes back at its time. They end with the manager."""

from __future__ import annotations

import asyncio
import logging

from msgspec.structs import replace

from queue_server.clock import Clock
from queue_server.core.events import EstopDeadlinePassed, OrderDeadlinePassed
from queue_server.engine.engine import Engine
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.items import Origin

_log = logging.getLogger(__name__)


class Timers:
    """The deadlines of one engine; what comes back does not wait for the store."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._waiting: set[asyncio.TimerHandle] = set()

    def set(self, after_s: float, event: EstopDeadlinePassed | OrderDeadlinePassed) -> None:
        """Let ``event`` happen ``after_s`` seconds from now."""
        loop = asyncio.get_running_loop()
        handle: asyncio.TimerHandle | None = None

        def fire() -> None:
            if handle is not None:
                self._waiting.discard(handle)
            self._fire(event)

        handle = loop.call_later(after_s, fire)
        self._waiting.add(handle)

    def close(self) -> None:
        """Forget all deadlines."""
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()

    def _fire(self, event: EstopDeadlinePassed | OrderDeadlinePassed) -> None:
        try:
            self._engine.command(replace(event, at=self._clock.wall()), Origin())
        except RefusedError as error:
            _log.warning("A deadline changed nothing: %s", error)
