"""The end of the manager when its process is told to end: plans pause first if that is wished, then all stops."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Literal

from queue_server.clock import Clock
from queue_server.core.events import PauseRequested, StopRequested
from queue_server.core.model import COMPUTING, PAUSES, Lane, State
from queue_server.engine.engine import Engine
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.items import Origin

_log = logging.getLogger(__name__)

Workers = Literal["close_idle", "kill"]

ORIGIN = Origin(client="the end of the manager")


class Shutdown:
    """Waits until it is asked, then stops the engine; with ``pause_s`` plans have so many seconds to pause before.

    A plan that does not pause in time is left to its worker, as it is without.
    """

    def __init__(self, engine: Engine, clock: Clock, pause_s: float = 0.0) -> None:
        self._engine = engine
        self._clock = clock
        self._pause_s = pause_s
        self._wanted: list[Workers] = []
        self._asked = asyncio.Event()

    def ask(self, workers: Workers) -> None:
        """End the manager; ``kill`` ends its workers too, also if it was asked to leave them before."""
        self._wanted.append(workers)
        self._asked.set()

    async def run(self) -> None:
        """Obey until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            if "kill" not in self._wanted and self._pause_s > 0:
                await self._pause()
            workers: Workers = "kill" if "kill" in self._wanted else "close_idle"
            _log.info("The manager is asked to stop (workers: %s)", workers)
            event = StopRequested(workers, self._clock.wall())
            try:
                await self._engine.post(lambda turn, event=event: turn.apply(event))
            except RefusedError as error:
                _log.info("The request to stop changed nothing: %s", error)

    async def _pause(self) -> None:
        """Wait until no plan runs, patience ends, or somebody asks again."""
        pausing = asyncio.create_task(self._pause_all(), name="pause")
        asking = asyncio.create_task(self._asked.wait(), name="asked again")
        try:
            done, _ = await asyncio.wait({pausing, asking}, timeout=self._pause_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pausing, asking):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if not done:
            _log.warning("A plan has not paused within %.0f s and goes on in its worker", self._pause_s)

    async def _pause_all(self) -> None:
        while moving := [lane for lane in self._engine.state.lanes if _is_moving(lane)]:
            for lane in moving:
                self._order_pause(lane)
            seen = _standing(self._engine.state)
            await self._engine.wait_until(lambda state, seen=seen: _standing(state) != seen)

    def _order_pause(self, lane: Lane) -> None:
        if lane.attempt is None or lane.attempt.order in PAUSES:
            return
        try:
            self._engine.command(PauseRequested(lane.name, "deferred", self._clock.wall()), ORIGIN)
        except RefusedError as error:
            _log.info("The plan of lane %s is not asked to pause: %s", lane.name, error)


def _is_moving(lane: Lane) -> bool:
    # A processing graph cannot be paused.
    if lane.attempt is None or lane.worker.re_state == COMPUTING:
        return False
    return not (lane.worker.re_state == "paused" and lane.attempt.order is None)


def _standing(state: State) -> tuple[object, ...]:
    return tuple((lane.attempt, lane.worker.re_state) for lane in state.lanes)
