"""How far scans and graphs are while they run, written into their exam tasks: at once at first, then now and then.

It decides nothing, and keeps one number for each lane. A manager that is stopped loses what it has not written yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from queue_server.engine import exam_progress
from queue_server.engine.turn import Turn
from queue_server.protocol.items import AttemptKey

PAUSE_S: Final = 2.0
"""The least time between two writes for one attempt: frames come much oftener, and nobody reads as often."""


class TurnTaker(Protocol):
    """What writes: the engine."""

    def post(
        self, work: Callable[[Turn], None], *, insist: bool = False, may_wait: bool = False
    ) -> asyncio.Future[None]:
        """Put work into the next turn."""
        ...


class _Heard(Struct, frozen=True):
    key: AttemptKey
    percent: int
    written: int
    pause: asyncio.TimerHandle


class Headway:
    """The progress of the attempts that do exam tasks; for one event loop."""

    def __init__(self, engine: TurnTaker, pause_s: float = PAUSE_S) -> None:
        self._engine = engine
        self._pause_s = pause_s
        self._heard: dict[str, _Heard] = {}

    def hear(self, key: AttemptKey, percent: int) -> None:
        """Take the progress of an attempt, and write the last one at most every ``pause_s`` seconds."""
        known = self._heard.get(key.lane)
        if known is not None and known.key == key:
            self._heard[key.lane] = replace(known, percent=percent)
            return
        if known is not None:
            known.pause.cancel()
        self._write(key, percent)

    def settle(self, turn: Turn, lane: str) -> None:
        """Write in this turn what was heard last in a lane: its attempt may end now."""
        known = self._heard.get(lane)
        if known is not None and known.percent != known.written:
            exam_progress.advance(turn.tx, known.key.item_uid, known.percent, turn.now)

    def _write(self, key: AttemptKey, percent: int) -> None:
        pause = asyncio.get_running_loop().call_later(self._pause_s, self._end_pause, key.lane)
        self._heard[key.lane] = _Heard(key, percent, percent, pause)
        # What a full disk does not take is not worth waiting for: the next one says more.
        self._engine.post(partial(_advance, key, percent), may_wait=True).add_done_callback(_look_at)

    def _end_pause(self, lane: str) -> None:
        known = self._heard.pop(lane)
        if known.percent != known.written:
            self._write(known.key, known.percent)


def percent_of(points: int, total: int | None) -> int:
    """Return a progress in whole percent, from 0 to 100; 0 where nobody knows the whole."""
    return min(100, max(0, 100 * points // total)) if total else 0


def _advance(key: AttemptKey, percent: int, turn: Turn) -> None:
    exam_progress.advance(turn.tx, key.item_uid, percent, turn.now)


def _look_at(written: asyncio.Future[Any]) -> None:
    if not written.cancelled():
        written.exception()
