"""Reaches into a RunEngine that runs: pauses it, ends its plan, and finds out whether its event loop answers."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from bluesky import RunEngine

from device_worker.activity import Activity
from device_worker.commands import Commands
from queue_server.protocol.worker_link import Pause

_log = logging.getLogger(__name__)


class Pauser:
    """Carries out orders to pause, one after the other, in a thread of its own.

    ``RE.request_pause`` waits for the RunEngine's event loop, and a plan may block that for as long as it likes.
    """

    def __init__(self, engine: RunEngine, activity: Activity, commands: Commands) -> None:
        self._engine = engine
        self._activity = activity
        self._commands = commands
        self._under_way = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="pause", daemon=True)

    def start(self) -> None:
        """Begin to take orders."""
        self._thread.start()

    def use(self, engine: RunEngine) -> None:
        """Pause this RunEngine from now on."""
        with self._under_way:
            self._engine = engine

    def settle(self) -> None:
        """Wait until no request is under way, so that none that was meant for an earlier plan reaches the next."""
        with self._under_way:
            pass

    def _serve(self) -> None:
        while True:
            self._pause(self._commands.next_pause())

    def _pause(self, order: Pause) -> None:
        is_there = self._activity.wait_started(order.attempt)
        while is_there and (objection := self._find_objection(order)):
            if not self._activity.is_ending:
                self._commands.refuse(order, objection)
                return
            # A plan that was being resumed or suspended just now is paused, and then aborted, when it goes on.
            is_there = self._activity.wait_running(order.attempt)

    def _find_objection(self, order: Pause) -> str:
        """Ask for a pause; return why there is none, or nothing if there is one or the attempt is over."""
        with self._under_way:
            if self._activity.attempt != order.attempt:
                return ""
            try:
                self._engine.request_pause(defer=order.option == "deferred")
            except RuntimeError as error:
                return str(error) or repr(error)
            return ""


def abort(engine: RunEngine, reason: str) -> None:
    """Abort a plan that is not paused; wait until the event loop has taken it."""
    try:
        engine.abort(reason=reason)
    except (RuntimeError, ValueError) as error:
        _log.warning("The plan is not aborted: %s", error)


def halt(engine: RunEngine) -> None:
    """End a plan that is not paused without its clean-up, or with what is left of that."""
    if str(engine.state) in ("aborting", "stopping"):
        # The RunEngine takes no other order now. Its task gives up what it waits for, and asks the plan again.
        engine.loop.call_soon_threadsafe(_give_up_waiting, engine.loop)
        return
    try:
        engine.halt()
    except (RuntimeError, ValueError) as error:
        _log.warning("The plan is not halted: %s", error)


def _give_up_waiting(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        if getattr(task.get_coro(), "__qualname__", "") == "RunEngine._run":
            task.cancel()


class LoopWatch:
    """Finds out for how long an event loop has not answered; ask it at regular intervals."""

    def __init__(self, loop: asyncio.AbstractEventLoop, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._monotonic = monotonic
        self._answered_s = monotonic()
        self._is_asked = False

    def age_s(self) -> float:
        """Return the seconds since the last answer, or 0 where the last question is answered; ask again."""
        if self._is_asked:
            return self._monotonic() - self._answered_s
        self._is_asked = True
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:
            _log.error("The event loop of the RunEngine is closed: close the environment and open it again")
        return 0.0

    def _answer(self) -> None:
        self._answered_s = self._monotonic()
        self._is_asked = False
