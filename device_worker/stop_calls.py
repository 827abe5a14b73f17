"""Calls ``stop()`` of many devices at once, each guarded against the others. Knows no plan and no RunEngine."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any

from device_worker.excerpt import cut_message
from device_worker.movables import Movable
from device_worker.profile import ProfileError
from device_worker.profile.boundary import profile_code
from queue_server.protocol.worker_link import DeviceNote, StopReport

_log = logging.getLogger(__name__)

MOST_AT_ONCE = 100
"""Threads in which ``stop()`` is called; a device that hangs keeps one of them."""

MOST_NAMED = 4000
"""Devices that a report names: it must fit into a message."""

_LONGEST_REASON = 200

NO_STOP = "it has no stop()"


class StopCalls:
    """One round: start it, then ask for the report."""

    def __init__(self, movables: Sequence[Movable], loop: asyncio.AbstractEventLoop) -> None:
        self._movables = movables
        self._loop = loop
        self._waiting: SimpleQueue[Movable] = SimpleQueue()
        self._changed = threading.Condition()
        self._failures: dict[Movable, str | None] = {}
        self._begun: set[Movable] = set()
        self._stoppable: set[Movable] = set()

    def start(self) -> None:
        """Begin to call, in the order in which the devices are given; returns at once."""
        stoppable = [movable for movable in self._movables if self._can_stop(movable)]
        self._stoppable = set(stoppable)
        for movable in stoppable:
            self._waiting.put(movable)
        for number in range(min(len(stoppable), MOST_AT_ONCE)):
            try:
                threading.Thread(target=self._call_all, name=f"stop {number}", daemon=True).start()
            except RuntimeError as error:
                _log.error("Only %d devices are stopped at the same time: %s", number, error)
                if number == 0:
                    self._call_all()
                return

    def _can_stop(self, movable: Movable) -> bool:
        """Whether there is a ``stop()``; a device that fails when it is asked keeps no other from stopping."""
        try:
            with profile_code("it cannot be asked for its stop()"):
                return movable.has_stop
        except ProfileError as error:
            _log.error("An emergency stop could not look at %s: %s", movable.name, error)
            self._failures[movable] = cut_message(str(error))[:_LONGEST_REASON]
            return False

    def report(self, number: int, until_s: float) -> StopReport:
        """Wait until every ``stop()`` has returned, at most until ``until_s`` on the monotonic clock; tell of all."""
        with self._changed:
            left_s = max(0.0, until_s - time.monotonic())
            self._changed.wait_for(lambda: self._stoppable <= self._failures.keys(), left_s)
            failures, begun = dict(self._failures), set(self._begun)
        failed = [
            DeviceNote(device=each.name, reason=reason) for each, reason in failures.items() if reason is not None
        ]
        missing = [
            DeviceNote(device=each.name, reason=self._explain_missing(each, begun))
            for each in self._movables
            if each not in failures
        ]
        stopped = [each.name for each, reason in failures.items() if reason is None]
        room = [MOST_NAMED - len(failed), MOST_NAMED - len(failed) - len(missing)]
        shown = (failed[:MOST_NAMED], missing[: max(0, room[0])], stopped[: max(0, room[1])])
        omitted = len(failed) + len(missing) + len(stopped) - sum(map(len, shown))
        return StopReport(
            order=number,
            failed=tuple(shown[0]),
            not_reached=tuple(shown[1]),
            stopped=tuple(shown[2]),
            omitted=omitted,
        )

    def _explain_missing(self, movable: Movable, begun: set[Movable]) -> str:
        if movable not in self._stoppable:
            return NO_STOP
        if movable not in begun:
            return "its stop() was not called in time: too many others hang"
        loop = ", which needs the event loop of the RunEngine," if movable.is_async else ""
        return f"its stop(){loop} has not returned in time"

    def _call_all(self) -> None:
        while True:
            try:
                movable = self._waiting.get_nowait()
            except Empty:
                return
            with self._changed:
                self._begun.add(movable)
            reason = None
            try:
                with profile_code("stop() failed"):
                    self._call(movable)
            except ProfileError as error:
                _log.error("An emergency stop could not stop %s: %s", movable.name, error)
                reason = cut_message(str(error))[:_LONGEST_REASON]
            with self._changed:
                self._failures[movable] = reason
                self._changed.notify_all()

    def _call(self, movable: Movable) -> None:
        stop = movable.device.stop
        options = {"success": False} if _takes_success(stop) else {}
        if movable.is_async:
            asyncio.run_coroutine_threadsafe(_stop_in_loop(stop, options), self._loop).result()
            return
        result = stop(**options)
        if inspect.isawaitable(result):
            asyncio.run_coroutine_threadsafe(_wait_for(result), self._loop).result()


async def _stop_in_loop(stop: Any, options: dict[str, bool]) -> None:
    result = stop(**options)
    if inspect.isawaitable(result):
        await result


async def _wait_for(result: Any) -> None:
    await result


def _takes_success(stop: Any) -> bool:
    try:
        parameters = inspect.signature(stop).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(parameter.name == "success" or parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
