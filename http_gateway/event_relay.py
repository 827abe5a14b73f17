"""The event log, followed without gaps: what was published, and what was missed, in the order of its numbers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from http_gateway.identity import Identity
from http_gateway.link import Caller, ManagerLink
from http_gateway.problem import problem_in
from queue_server.protocol.errors import CommunicationError, CuelightError

_log = logging.getLogger(__name__)

MOST_MISSED = 1000
"""More than one page is not caught up with: whoever listens reads anew."""

_GATEWAY = Caller(Identity("", "", frozenset({"read:monitor"})))

Event = Mapping[str, Any]


class EventRelay:
    """Hands every event after the first one known to ``deliver``, once and in order; ``lose`` tells of a jump.

    Holds no event. What a publisher dropped, or published while no connection stood, is asked for.
    """

    def __init__(self, link: ManagerLink, deliver: Callable[[Event], None], lose: Callable[[], None]) -> None:
        self._link = link
        self._deliver = deliver
        self._lose = lose
        self._last: int | None = None
        self._heard = 0
        self._catching: asyncio.Task[None] | None = None

    def hear(self, event: Event) -> None:
        """Take an event that was published."""
        seq = event.get("seq")
        if not isinstance(seq, int):
            return
        if seq <= self._heard and self._last is not None:
            # The numbers begin again: another store.
            self._last = None
            self._lose()
        self._heard = seq
        if self._catching is not None:
            return
        if self._last is None or seq == self._last + 1:
            self._last = seq
            self._deliver(event)
        elif seq > self._last:
            self.catch_up_soon()

    def catch_up_soon(self) -> asyncio.Task[None]:
        """Ask for what may have been missed, in a task of its own."""
        if self._catching is None:
            self._catching = asyncio.create_task(self._catch_up(), name="events")
            self._catching.add_done_callback(self._end_catching)
        return self._catching

    async def position(self, at_least: int = 0) -> int:
        """Return the number of the last event delivered; every later one will be.

        Raises:
            CuelightError: the manager had to be asked, which it is for numbers below ``at_least``, and does not answer.
        """
        if self._last is None or self._last < at_least:
            await asyncio.shield(self.catch_up_soon())
        return self._last or 0

    async def events_between(self, since: int, last: int) -> list[Event] | None:
        """Return the events after ``since`` up to ``last``; None if they are too many.

        Raises:
            CuelightError: the manager does not answer.
        """
        if last - since > MOST_MISSED:
            return None
        if last == since:
            return []
        reply = await self._ask(since, MOST_MISSED)
        return [event for event in map(_as_published, reply["events"]) if event["seq"] <= last]

    async def close(self) -> None:
        """End what is under way."""
        if self._catching is not None:
            self._catching.cancel()
            await asyncio.gather(self._catching, return_exceptions=True)

    async def _catch_up(self) -> None:
        asked = False
        try:
            while self._last is None or self._heard > self._last or not asked:
                asked = True
                if self._last is None:
                    self._last = (await self._ask(0, 1))["last_seq"]
                else:
                    await self._fetch(self._last)
        finally:
            # At once, not when the task is seen to be done: what is heard from here on is for nobody else.
            self._catching = None

    async def _fetch(self, since: int) -> None:
        reply = await self._ask(since, MOST_MISSED)
        newest: int = reply["last_seq"]
        if not 0 <= newest - since <= MOST_MISSED:
            self._last = newest
            self._lose()
            return
        for event in map(_as_published, reply["events"]):
            self._last = event["seq"]
            self._deliver(event)
        if newest == since:
            # What was heard but stands in no log, will not come.
            self._heard = min(self._heard, newest)

    async def _ask(self, since: int, limit: int) -> dict[str, Any]:
        reply = await self._link.call("events_get", {"since": since, "limit": limit}, _GATEWAY)
        if not reply.get("success"):
            raise CommunicationError(f"The event log cannot be read: {problem_in(reply).text}")
        return reply

    def _end_catching(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, CuelightError):
            _log.warning("Events were missed and cannot be read now: %s", error.message)
        elif error is not None:
            _log.error("Events were missed and cannot be read", exc_info=error)


def _as_published(event: Event) -> Event:
    origin: Mapping[str, Any] = event.get("origin") or {}
    shown = ("seq", "time", "kind", "lane", "item_uid", "submission", "attempt")
    return {**{name: event.get(name) for name in shown}, "user": origin.get("user", ""), "data": event.get("data", {})}
