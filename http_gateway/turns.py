"""Turns between many senders: one notice wakes all readers at once, and requests must not wait until all are served."""

from __future__ import annotations

import asyncio
from collections import deque

_MOST_AT_ONCE = 4


class Turns:
    """Lets a few senders go in each round of the event loop, in the order in which they came; for one event loop."""

    def __init__(self, most_at_once: int = _MOST_AT_ONCE) -> None:
        self._most_at_once = most_at_once
        self._left = most_at_once
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_counting = False

    async def wait(self) -> None:
        """Return when it is the caller's turn."""
        loop = asyncio.get_running_loop()
        if not self._is_counting:
            self._is_counting = True
            loop.call_soon(self._begin_round)
        if self._left > 0 and not self._waiting:
            self._left -= 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _begin_round(self) -> None:
        self._left = self._most_at_once
        self._is_counting = bool(self._waiting)
        while self._waiting and self._left > 0:
            turn = self._waiting.popleft()
            # Who was cancelled meanwhile needs no turn.
            if not turn.done():
                self._left -= 1
                turn.set_result(None)
        if self._is_counting:
            asyncio.get_running_loop().call_soon(self._begin_round)
