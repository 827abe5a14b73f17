"""Declarations about the queue as a whole: read, start, stop, mode, clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from queue_server.protocol.method import LaneLockableParams, LaneParams, Method
from queue_server.protocol.methods.items import EditParams


class QueueGetParams(LaneParams):
    """Which part of the queue to return, and which items of it; without a limit all of it."""

    limit: int | None = Field(default=None, ge=1, le=10_000, description="Largest number of items to return.")
    after_uid: str | None = Field(default=None, description="Begin behind this item.")
    state: Literal["queued", "held"] | None = Field(default=None, description="Only items in this state.")
    name: str | None = Field(default=None, max_length=128, description="Only plans or instructions of this name.")
    by_user: str | None = Field(default=None, max_length=128, description="Only items that this user has added.")
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Only items with this text in names, arguments or metadata; case does not matter.",
    )


@dataclass(frozen=True, slots=True)
class Queue:
    """Items in order, the running item (an empty map if none runs), and the uid of this content."""

    items: Sequence[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    running_item: dict[str, Any] = field(default_factory=dict[str, Any])
    plan_queue_uid: str = ""


@dataclass(frozen=True, slots=True)
class QueuePart(Queue):
    """The items that fit in a part of the queue, and the ``after_uid`` with which it goes on; null at its end."""

    next_after_uid: str | None = None


class ModeSetParams(LaneLockableParams):
    """The new mode."""

    mode: dict[str, Any] | Literal["default"] = Field(description="Parts of the mode to change, or 'default'.")


METHODS = (
    Method(
        name="queue_get",
        summary="Return the items of the queue and the running item.",
        kind="read",
        scope="read:queue",
        route=("GET", "/queue"),
        params=QueueGetParams,
        result=QueuePart,
        notes="`next_after_uid` is shown to those who ask for items in a state, with a name, a user or a text. Of them "
        "at most 1,000 items are examined at once, so that a part may be short, or empty, although there are more.",
    ),
    Method(
        name="queue_start",
        summary="Start the queue; refused without an open environment, and while the head of the queue is held.",
        kind="mutation",
        scope="write:queue:control",
        route=("POST", "/queue/start"),
        params=LaneLockableParams,
        lock="environment",
    ),
    Method(
        name="queue_stop",
        summary="Stop the queue after the running item.",
        kind="mutation",
        scope="write:queue:control",
        route=("POST", "/queue/stop"),
        params=LaneLockableParams,
        lock="environment",
    ),
    Method(
        name="queue_stop_cancel",
        summary="Take back a request to stop the queue; always succeeds.",
        kind="mutation",
        scope="write:queue:control",
        route=("POST", "/queue/stop/cancel"),
        params=LaneLockableParams,
        lock="environment",
    ),
    Method(
        name="queue_mode_set",
        summary="Change the mode of the queue: loop, ignore_failures.",
        kind="mutation",
        scope="write:queue:control",
        route=("POST", "/queue/mode"),
        params=ModeSetParams,
        lock="queue",
        refusal="Failed to set queue mode: ",
    ),
    Method(
        name="queue_clear",
        summary="Remove all items from the queue; a running item goes on.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/clear"),
        params=EditParams,
        lock="queue",
    ),
)
