"""The event log as it crosses a boundary: what happened, in order, numbered without gaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from queue_server.protocol.items import Origin


class EventRecord(Struct, frozen=True):
    """One row of the append-only event log; ``seq`` is assigned by the store and 0 before.

    ``data`` of an event that changed the queue has the uids of the queue before and after it, ``queue_uid_before`` and
    ``queue_uid``, so that whoever follows the log can tell whether one is missing. ``undo`` is what takes an edit of
    the queue back; only the store's ``undo_of`` reads it.
    """

    kind: str
    time: float
    epoch: int
    lane: str = ""
    item_uid: str = ""
    submission: str = ""
    attempt: int = 0
    origin: Origin = Origin()
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seq: int = 0
    undo: str = ""

    def numbered(self, seq: int) -> EventRecord:
        """Return the event as it is followed: with its number, and without what takes it back, which may be large."""
        return EventRecord(
            self.kind,
            self.time,
            self.epoch,
            self.lane,
            self.item_uid,
            self.submission,
            self.attempt,
            self.origin,
            self.data,
            seq,
        )

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see: everything but what takes the edit back."""
        origin = self.origin
        return {
            "seq": self.seq,
            "kind": self.kind,
            "time": self.time,
            "epoch": self.epoch,
            "lane": self.lane,
            "item_uid": self.item_uid,
            "submission": self.submission,
            "attempt": self.attempt,
            "origin": {
                "user": origin.user,
                "group": origin.group,
                "client": origin.client,
                "request_id": origin.request_id,
                "extra": dict(origin.extra),
            },
            "data": dict(self.data),
        }


class EventFilter(Struct, frozen=True):
    """Which events are asked for; what is None does not matter. Times are seconds since 1970-01-01 UTC.

    ``time_from`` belongs to the range, ``time_to`` does not.
    """

    kinds: tuple[str, ...] | None = None
    item_uid: str | None = None
    submission: str | None = None
    user: str | None = None
    lane: str | None = None
    time_from: float | None = None
    time_to: float | None = None

    def fits(self, event: EventRecord) -> bool:
        """Return whether an event is one of those."""
        is_in_time = (self.time_from is None or event.time >= self.time_from) and (
            self.time_to is None or event.time < self.time_to
        )
        asked = (self.item_uid, self.submission, self.user, self.lane)
        found = (event.item_uid, event.submission, event.origin.user, event.lane)
        is_meant = all(want is None or want == have for want, have in zip(asked, found, strict=True))
        return is_in_time and is_meant and (self.kinds is None or event.kind in self.kinds)


EVERY_EVENT = EventFilter()


class EventPart(Struct, frozen=True):
    """A part of the log in the order that was asked for, and the number with which it goes on; None at its end."""

    events: list[EventRecord]
    next_seq: int | None = None
