"""Hosts the workers of lanes whose launcher is on another host and connects to the worker link by itself.

The launcher tells how its lane stands again and again, so that an order that was lost is given again, and the end of a
worker is known as soon as its launcher is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from msgspec import Struct

from queue_server.protocol.launcher_link import (
    STANDING_EACH_S,
    EndWorker,
    LaneStanding,
    OpenWorker,
    ToLauncher,
    WatchWorker,
)
from queue_server.protocol.worker_link import Dismiss, ToWorker
from queue_server.workers.host import Exited

_log = logging.getLogger(__name__)

AWAY_AFTER_S: Final = 5 * STANDING_EACH_S
"""A launcher of which nothing was heard for so long is away."""
GIVEN_UP_AFTER_S: Final = 10.0
"""So long a worker that is to be killed may take to be gone; then it counts as gone, whatever it does."""

_UNREACHABLE = "its launcher cannot be reached, so that the process may still run on its host"


class Link(Protocol):
    """Carries messages to workers and to launchers."""

    def send(self, incarnation: str, message: ToWorker) -> None:
        """Send to a worker, if it is connected."""
        ...

    def send_to_launcher(self, lane: str, order: ToLauncher) -> None:
        """Send to the launcher of a lane, if it is connected."""
        ...


class _Charge(Struct):
    """One worker, and what its launcher is to do with it."""

    lane: str
    order: ToLauncher
    deadline: asyncio.TimerHandle | None = None


class FarHost:
    """Workers on other hosts; their ends come back as events."""

    def __init__(
        self,
        link: Link,
        options: Callable[[str, str], list[str]],
        exited: Exited,
        given_up_after_s: float = GIVEN_UP_AFTER_S,
    ) -> None:
        self._link = link
        self._options = options
        self._exited = exited
        self._given_up_after_s = given_up_after_s
        self._charges: dict[str, _Charge] = {}
        self._heard: dict[str, float] = {}

    def start(self, lane: str, incarnation: str) -> None:
        """Have a worker started; a failure to start is told as its exit."""
        if not self._is_there(lane):
            cause = f"the launcher of the lane {lane!r} is not connected: start its service on its host"
            asyncio.get_running_loop().call_soon(self._exited, lane, incarnation, cause)
            return
        self._give(lane, OpenWorker(incarnation=incarnation, options=self._options(lane, incarnation)))

    def adopt(self, lane: str, incarnation: str) -> bool:
        """Watch a worker that an earlier manager has had started; if it is gone, that is told once it is known."""
        if incarnation not in self._charges:
            self._give(lane, WatchWorker(incarnation=incarnation))
        return True

    def kill(self, lane: str, incarnation: str) -> None:
        """Have a worker killed; where nobody can do that, it is sent away and counts as gone after a while."""
        _log.warning("Killing the worker of lane %s", lane)
        charge = self._give(lane, EndWorker(incarnation=incarnation))
        give_up = partial(self._give_up, incarnation)
        charge.deadline = asyncio.get_running_loop().call_later(self._given_up_after_s, give_up)

    def hear_standing(self, standing: LaneStanding) -> None:
        """A launcher tells which worker it has, and how others have ended."""
        lane = standing.lane
        if not self._is_there(lane):
            _log.info("The launcher of lane %s is connected", lane)
        self._heard[lane] = asyncio.get_running_loop().time()
        for incarnation, charge in list(self._charges.items()):
            if charge.lane != lane:
                continue
            if incarnation in standing.ends:
                self._end(incarnation, standing.ends[incarnation])
            elif incarnation != standing.running or isinstance(charge.order, EndWorker):
                # It has not come there, or has not been done yet; done twice, it is done once.
                self._link.send_to_launcher(lane, charge.order)
            elif isinstance(charge.order, OpenWorker):
                # A worker that has run and is not there any more is not started again.
                charge.order = WatchWorker(incarnation=incarnation)

    async def close(self) -> None:
        """Stop watching; launchers and workers live on."""
        for charge in self._charges.values():
            _cancel(charge)
        self._charges.clear()

    def _is_there(self, lane: str) -> bool:
        heard = self._heard.get(lane)
        return heard is not None and asyncio.get_running_loop().time() - heard < AWAY_AFTER_S

    def _give(self, lane: str, order: ToLauncher) -> _Charge:
        before = self._charges.get(order.incarnation)
        if before is not None:
            _cancel(before)
        charge = self._charges[order.incarnation] = _Charge(lane, order)
        self._link.send_to_launcher(lane, order)
        return charge

    def _give_up(self, incarnation: str) -> None:
        self._link.send(incarnation, Dismiss(reason="it was given up"))
        self._end(incarnation, _UNREACHABLE)

    def _end(self, incarnation: str, cause: str) -> None:
        charge = self._charges.pop(incarnation)
        _cancel(charge)
        self._exited(charge.lane, incarnation, cause)


def _cancel(charge: _Charge) -> None:
    if charge.deadline is not None:
        charge.deadline.cancel()
