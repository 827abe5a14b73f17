"""Declarations about the event log: what has happened, who asked for it, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from queue_server.protocol.method import Method, Params


class EventsParams(Params):
    """Which part of the event log to return, and which events of it."""

    since: int = Field(default=0, ge=0, description="Sequence number of the last event that is known already.")
    before: int | None = Field(default=None, ge=1, description="Only events with a sequence number below this one.")
    limit: int = Field(default=100, ge=1, le=1000, description="Largest number of events to return.")
    order: Literal["oldest", "newest"] = Field(default="oldest", description="Which events come first.")
    kind: str | list[str] | None = Field(default=None, description="Only events of this kind, or of these.")
    item_uid: str | None = Field(default=None, max_length=128, description="Only events of this item.")
    submission: str | None = Field(default=None, max_length=128, description="Only events of this submission.")
    by_user: str | None = Field(default=None, max_length=128, description="Only what this user has asked for.")
    lane: str | None = Field(default=None, max_length=128, description="Only events of this lane.")
    time_from: float | None = Field(
        default=None, ge=0, description="Only events of this time or later, in seconds since 1970-01-01 UTC."
    )
    time_to: float | None = Field(
        default=None, ge=0, description="Only events before this time, in seconds since 1970-01-01 UTC."
    )


@dataclass(frozen=True, slots=True)
class Events:
    """A page of the event log, the newest sequence number there is, and the number with which the page goes on.

    ``next_seq`` is to be sent as ``since``, newest first as ``before``; it is null at the end.
    """

    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    last_seq: int = 0
    next_seq: int | None = None


METHODS = (
    Method(
        name="events_get",
        summary="Return a page of the event log.",
        kind="read",
        scope="read:monitor",
        route=("GET", "/events"),
        params=EventsParams,
        result=Events,
        notes="An event has `seq`, `kind`, `time`, `epoch`, `lane`, `item_uid`, `submission`, `attempt`, `origin` (who "
        "asked, and from where) and `data`. In `data`, an event that changed the queue has the uids of the queue "
        "before and after it, `queue_uid_before` and `queue_uid`: where one does not continue the other, an event is "
        "missing. A request with filters examines at most 10,000 events, so that a page may be short, or empty, "
        "although `next_seq` says that there are more.",
    ),
)
