"""The sign of life of the manager: given by the loop that serves requests, after a round trip through the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from queue_server.clock import until_beat
from queue_server.engine.engine import Engine
from queue_server.protocol.errors import StorageError

_log = logging.getLogger(__name__)

PERIOD_S = 1.0


class Watchdog:
    """Gives a sign of life each second, as long as turns are taken."""

    def __init__(self, engine: Engine, alive: Callable[[], None], period_s: float = PERIOD_S) -> None:
        self._engine = engine
        self._alive = alive
        self._period_s = period_s
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Give the first sign now."""
        self._engine.post(lambda _: None).add_done_callback(self._answered)

    def stop(self) -> None:
        """Give no more signs."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _answered(self, done: asyncio.Future[None]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if isinstance(error, StorageError) and error.is_fatal:
            return
        # A store that says that the disk is full has answered.
        self._alive()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(until_beat(loop.time(), self._period_s), self.start)
