"""How far one search goes: which condition is looked up, how many rows are examined, and where the next part begins.

Both stores search by these rules, so that they find the same in the same parts. It reads nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from queue_server.protocol.event_log import EventPart, EventRecord
from queue_server.protocol.item_filter import EVERY_ITEM, ItemFilter
from queue_server.storage.base import HistoryEntry, HistoryPart

HISTORY_WINDOW = 1_000
"""Entries that one search examines for what no index knows: some ten milliseconds, in which everybody else waits."""
EVENT_WINDOW = 10_000
"""Events that one search examines."""

KeyName = Literal["user", "name", "outcome"]


class HistorySearch(NamedTuple):
    """The condition that an index finds, if there is one, and how many of those entries are examined."""

    key: KeyName | None
    value: str
    at_most: int

    @property
    def looked_up(self) -> ItemFilter:
        """What that index finds."""
        known = {"user": ItemFilter(user=self.value), "name": ItemFilter(name=self.value)}
        known["outcome"] = ItemFilter(outcome=self.value)
        return EVERY_ITEM if self.key is None else known[self.key]


def plan_search(wanted: ItemFilter, limit: int) -> HistorySearch:
    """Return how entries of the history are looked for."""
    keys: tuple[KeyName, ...] = ("user", "name", "outcome")
    for key in keys:
        value = getattr(wanted, key)
        if value is not None:
            rest = replace(wanted, **{key: None})
            return HistorySearch(key, value, limit if rest.is_empty else HISTORY_WINDOW)
    return HistorySearch(None, "", limit if wanted.is_empty else HISTORY_WINDOW)


def take_part(examined: Sequence[HistoryEntry], wanted: ItemFilter, limit: int, at_most: int) -> HistoryPart:
    """Return the entries that fit, in order of finishing; ``examined`` has the newest first, ``at_most`` of them."""
    if wanted.is_empty:
        return HistoryPart(
            [*reversed(examined)], examined[-1].number if examined and len(examined) >= at_most else None
        )
    found: list[HistoryEntry] = []
    for place, entry in enumerate(examined, 1):
        if wanted.fits(entry.item, entry.result):
            found.append(entry)
        if len(found) == limit:
            is_end = place == len(examined) < at_most
            return HistoryPart(found[::-1], None if is_end else entry.number)
    return HistoryPart(found[::-1], examined[-1].number if examined and len(examined) >= at_most else None)


class EventRange(NamedTuple):
    """The first and the last number that one search examines, and the end that it works towards."""

    low: int
    high: int
    end: int
    newest_first: bool

    def part(self, events: list[EventRecord], limit: int) -> EventPart:
        """Return what was found in the range as a part of the log."""
        reached = (self.low if self.newest_first else self.high) if len(events) < limit else events[-1].seq
        has_more = reached > self.end if self.newest_first else reached < self.end
        return EventPart(events, reached if has_more else None)


def plan_range(since: int, before: int | None, last: int, *, newest_first: bool) -> EventRange:
    """Return which of the events behind ``since`` and below ``before`` one search examines; ``last`` is the newest."""
    low, high = max(since, 0) + 1, last if before is None else min(before - 1, last)
    if newest_first:
        return EventRange(max(low, high - EVENT_WINDOW + 1), high, low, newest_first)
    return EventRange(low, min(high, low + EVENT_WINDOW - 1), high, newest_first)
