"""Forgets answers that have expired, also where nobody repeats anything: a deadline, set anew when it has passed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from queue_server.engine.engine import Engine
from queue_server.engine.turn import Turn

_log = logging.getLogger(__name__)

LONGEST_S = 86_400.0
"""When it looks again at the latest: the clock of the host may have been set meanwhile."""
_SHORTEST_S = 1.0
_AT_ONCE = 100


CallLater = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class Expiry:
    """Works from ``begin`` to ``close``, while the engine takes turns; to be made on the event loop."""

    def __init__(self, engine: Engine, call_later: CallLater | None = None) -> None:
        self._engine = engine
        self._call_later = call_later or asyncio.get_running_loop().call_later
        self._waiting: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Forget what has expired, and set the deadline for the rest."""
        self._waiting = None
        # What only makes room may wait for the company of what somebody asks for.
        self._engine.post(_forget, may_wait=True).add_done_callback(self._wait)

    def close(self) -> None:
        """Set no further deadline."""
        if self._waiting is not None:
            self._waiting.cancel()

    def _wait(self, forgotten: asyncio.Future[float]) -> None:
        if forgotten.cancelled():
            return
        error = forgotten.exception()
        if error is not None:
            _log.error("Answers that have expired are kept for now", exc_info=error)
        pause_s = LONGEST_S if error is not None else min(max(forgotten.result(), _SHORTEST_S), LONGEST_S)
        self._waiting = self._call_later(pause_s, self.begin)


def _forget(turn: Turn) -> float:
    """Forget some answers; return in how many seconds the next one expires."""
    turn.tx.forget_answers(now=turn.now, most=_AT_ONCE)
    due = turn.tx.next_expiry()
    return LONGEST_S if due is None else due - turn.now
