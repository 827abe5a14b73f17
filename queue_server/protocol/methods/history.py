"""Declarations about finished items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from queue_server.protocol.items import Outcome
from queue_server.protocol.method import LockableParams, Method, Params


class HistoryGetParams(Params):
    """Which part of the history to return, and which entries of it; without a limit the newest 50,000 entries."""

    limit: int | None = Field(default=None, ge=1, le=50_000, description="Largest number of entries, the newest ones.")
    before: int | None = Field(default=None, ge=1, description="Only entries with a number below this one.")
    name: str | None = Field(default=None, max_length=128, description="Only plans of this name.")
    by_user: str | None = Field(default=None, max_length=128, description="Only items that this user has added.")
    outcome: Outcome | None = Field(default=None, description="Only items that ended so.")
    lane: str | None = Field(default=None, max_length=128, description="Only items of this lane.")
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Only items with this text in names, arguments, metadata or the message; case does not matter.",
    )
    time_from: float | None = Field(
        default=None, ge=0, description="Only items that ended at this time or later, in seconds since 1970-01-01 UTC."
    )
    time_to: float | None = Field(
        default=None, ge=0, description="Only items that ended before this time, in seconds since 1970-01-01 UTC."
    )


@dataclass(frozen=True, slots=True)
class History:
    """Finished items, oldest first, each with its result, and the uid of the whole history."""

    items: Sequence[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    plan_history_uid: str = ""


@dataclass(frozen=True, slots=True)
class HistoryPage(History):
    """A part of the history, and a cursor for older entries; null if there are none."""

    before: int | None = None


class HistoryClearParams(LockableParams):
    """Which part of the history to remove; without any parameter all of it."""

    size: int | None = Field(default=None, ge=0, description="Number of newest entries to keep.")
    item_uid: str | None = Field(default=None, description="Remove this entry and all that are older.")


class HistoryItemResolveParams(LockableParams):
    """Which item with an unknown outcome has ended how, as a person has found out."""

    item_uid: str = Field(min_length=1, description="The item.")
    outcome: Literal["completed", "failed"] = Field(description="How it has ended.")
    reason: str = Field(min_length=1, max_length=2000, description="How that is known.")


@dataclass(frozen=True, slots=True)
class ItemResolved:
    """The finished item as it is now, and the uid of the held copy that was withdrawn, if there was one."""

    item: dict[str, Any] = field(default_factory=dict[str, Any])
    withdrawn_uid: str | None = None


METHODS = (
    Method(
        name="history_get",
        summary="Return finished items with their results.",
        kind="read",
        scope="read:history",
        route=("GET", "/history"),
        params=HistoryGetParams,
        result=HistoryPage,
        notes="`before` is shown to those who ask for a part, and to all if there are more entries than were returned. "
        "One of `by_user`, `name` and `outcome` is looked up in an index; for what remains at most 1,000 entries are "
        "examined, so that a page may be short, or empty, although `before` says that there are more.",
        example={"limit": 20},
    ),
    Method(
        name="history_clear",
        summary="Remove some or all entries of the history.",
        kind="mutation",
        scope="write:history:edit",
        route=("POST", "/history/clear"),
        params=HistoryClearParams,
        lock="queue",
        example={"size": 100},
    ),
    Method(
        name="history_item_resolve",
        summary="Tell how an item ended whose outcome was unknown.",
        kind="mutation",
        scope="write:history:edit",
        route=("POST", "/history/item/resolve"),
        params=HistoryItemResolveParams,
        result=ItemResolved,
        lock="queue",
        notes="The attempt stays unknown; the result of the item has the new `exit_status`, and in `resolution` who "
        "said so, when and why. If it was completed, the held copy at the front of its lane is withdrawn, and the lane "
        "goes on if that was what held it. If it failed, the copy stays held until somebody releases or removes it.",
        example={"item_uid": "0a1b2c3d", "outcome": "completed", "reason": "all 20 images are on the disk"},
    ),
)
