"""The deadlines of a device session, on the event loop. What they are for is decided by the session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from http_gateway.dialects.scanhub.model import Timer


class Deadlines:
    """Calls ``passed`` with each timer whose time is over; for one event loop."""

    def __init__(self, passed: Callable[[Timer], None]) -> None:
        self._passed = passed
        self._handles: dict[Timer, asyncio.TimerHandle] = {}

    def set(self, timer: Timer, after_s: float) -> None:
        """Set a deadline in the place of an earlier one of the same timer."""
        self.cancel(timer)
        self._handles[timer] = asyncio.get_running_loop().call_later(max(0.0, after_s), self._pass, timer)

    def cancel(self, timer: Timer) -> None:
        """Forget a deadline, if it is set."""
        handle = self._handles.pop(timer, None)
        if handle is not None:
            handle.cancel()

    def close(self) -> None:
        """Forget all of them."""
        for timer in list(self._handles):
            self.cancel(timer)

    def _pass(self, timer: Timer) -> None:
        self._handles.pop(timer, None)
        self._passed(timer)
