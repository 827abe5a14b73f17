"""The host of workers that connect by themselves: it starts none, and decides when one that is away counts as gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from queue_server.protocol.worker_link import Dismiss, ToWorker

ABSENT_AFTER_S: Final = 60.0
"""So long a connection may be away: a gateway that is started again is back before."""


class Lanes(Protocol):
    """Knows the lanes."""

    def is_remote(self, lane: str) -> bool:
        """Return whether the worker of that lane connects by itself."""
        ...

    def is_away(self, lane: str, incarnation: str) -> bool:
        """Return whether that worker serves the lane, and nothing is heard of it."""
        ...


class Link(Protocol):
    """Carries messages to workers."""

    def send(self, incarnation: str, message: ToWorker) -> None:
        """Send a message, if the worker is connected."""
        ...


class RemoteHost:
    """Watches the workers of lanes that are remote; their ends come back as events."""

    def __init__(
        self, lanes: Lanes, link: Link, exited: Callable[[str, str, str], None], absent_after_s: float = ABSENT_AFTER_S
    ) -> None:
        self._lanes = lanes
        self._link = link
        self._exited = exited
        self._absent_after_s = absent_after_s
        self._deadlines: dict[str, asyncio.TimerHandle] = {}

    def serves(self, lane: str) -> bool:
        """Return whether the worker of that lane connects by itself."""
        return self._lanes.is_remote(lane)

    def start(self, lane: str, incarnation: str) -> None:
        """Tell that it cannot be started from here."""
        self._exited(lane, incarnation, "the worker of this lane connects by itself and cannot be started")

    def adopt(self, lane: str, incarnation: str) -> bool:
        """Wait for a worker that an earlier manager knew; return that it may come back."""
        self.expect(lane, incarnation)
        return True

    def kill(self, lane: str, incarnation: str) -> None:
        """Give a worker up: what it does goes on elsewhere, and nobody here knows how it ends."""
        self._forget(incarnation)
        self._link.send(incarnation, Dismiss(reason="it was given up"))
        self._exited(lane, incarnation, "it was given up")

    def hear_answering(self, lane: str, incarnation: str, *, answering: bool) -> None:
        """A worker has fallen silent, or speaks again."""
        self._forget(incarnation)
        if not answering and self.serves(lane):
            self.expect(lane, incarnation)

    def expect(self, lane: str, incarnation: str) -> None:
        """Count a worker as gone if it is still away after the patience with it."""
        self._forget(incarnation)
        look = partial(self._look, lane, incarnation)
        self._deadlines[incarnation] = asyncio.get_running_loop().call_later(self._absent_after_s, look)

    async def close(self) -> None:
        """Stop watching; the workers live on."""
        for incarnation in tuple(self._deadlines):
            self._forget(incarnation)

    def _look(self, lane: str, incarnation: str) -> None:
        self._deadlines.pop(incarnation, None)
        if self._lanes.is_away(lane, incarnation):
            self._exited(lane, incarnation, f"nothing was heard of it for {self._absent_after_s:.0f} s")

    def _forget(self, incarnation: str) -> None:
        deadline = self._deadlines.pop(incarnation, None)
        if deadline is not None:
            deadline.cancel()
