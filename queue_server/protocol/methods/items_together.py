"""Declarations about several items of the queue at once: remove and move them together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from queue_server.protocol.method import Method
from queue_server.protocol.methods.items import EditParams


class RemoveBatchParams(EditParams):
    """Which items, and whether one that is not there is an error."""

    uids: list[str] | None = Field(default=None, description="Uids of the items.")
    ignore_missing: bool = Field(default=True, description="False: repeated or missing uids are refused.")


class MoveBatchParams(EditParams):
    """Which items, where they go, and in which order."""

    uids: list[str] | None = Field(default=None, description="Uids of the items, each once.")
    pos_dest: Literal["front", "back"] | None = Field(default=None, description="Destination: 'front' or 'back'.")
    before_uid: str | None = Field(default=None, description="Move them before this item.")
    after_uid: str | None = Field(default=None, description="Move them after this item.")
    reorder: bool = Field(default=False, description="True: they keep the order that they have in the queue.")


@dataclass(frozen=True, slots=True)
class ItemsTaken:
    """The items that were removed or moved, in order, and the size of the queue."""

    items: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    qsize: int | None = None


METHODS = (
    Method(
        name="queue_item_remove_batch",
        summary="Remove several items from the queue.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/items:remove"),
        params=RemoveBatchParams,
        result=ItemsTaken,
        lock="queue",
        refusal="Failed to remove a batch of items: ",
    ),
    Method(
        name="queue_item_move_batch",
        summary="Move several items to one place in the queue, side by side.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/items:move"),
        params=MoveBatchParams,
        result=ItemsTaken,
        lock="queue",
        refusal="Failed to move the batch of items: ",
    ),
)
