"""Declarations about the items of the queue: add, get, update, move, remove, hold and release."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from queue_server.protocol.method import LaneLockableParams, LaneParams, Method

Position = int | Literal["front", "back"]
_POSITION = "Index (negative from the back), 'front' or 'back'."
_ITEM = (
    "item_type, name, args, kwargs, meta, claims (devices that it needs for itself, by names in the facility), "
    "after (uids of items that are to be completed before it begins), result_schema (which values are its metrics), "
    "and outputs (names of the files that are kept; all, if it names none)."
)
_INDEX = "In `after`, a number is the index of an earlier item of the list."
_OWN_LANE = "Where the request names no lane, each may name its own (lane)."


class EditParams(LaneLockableParams):
    """Who edits the queue; the event log keeps it. Over HTTP the credential says it, else the request claims it."""

    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(
        default=None, max_length=128, description="Group of the person or program that asks."
    )


class PlaceParams(LaneLockableParams):
    """Where new items go; without any of the three at the back."""

    pos: Position | None = Field(default=None, description=_POSITION)
    before_uid: str | None = Field(default=None, description="Put it before this item.")
    after_uid: str | None = Field(default=None, description="Put it after this item.")


class ItemAddParams(PlaceParams):
    """One new item, who adds it, and where it goes."""

    item: dict[str, Any] | None = Field(default=None, description=_ITEM)
    held: bool = Field(default=False, description="True: it is held until it is released.")
    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(default=None, max_length=128, description="Group whose permissions apply.")


class ItemBatchParams(PlaceParams):
    """Several new items, added together or not at all."""

    items: list[Any] | None = Field(default=None, description=f"Items, each with {_ITEM} {_INDEX} {_OWN_LANE}")
    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(default=None, max_length=128, description="Group whose permissions apply.")


class ItemUpdateParams(LaneLockableParams):
    """The new content of an item that is in the queue."""

    item: dict[str, Any] | None = Field(default=None, description="The whole item, with the item_uid it has now.")
    replace: bool = Field(default=False, description="True: the item gets a new uid.")
    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(default=None, max_length=128, description="Group whose permissions apply.")


class ItemGetParams(LaneParams):
    """Which item; without any parameter the last one."""

    pos: Position | None = Field(default=None, description=_POSITION)
    uid: str | None = Field(default=None, description="Uid of the item.")


class ItemRemoveParams(EditParams):
    """Which item; without any parameter the last one."""

    pos: Position | None = Field(default=None, description=_POSITION)
    uid: str | None = Field(default=None, description="Uid of the item.")


class ItemMoveParams(EditParams):
    """Which item, and where it goes."""

    pos: Position | None = Field(default=None, description=_POSITION)
    uid: str | None = Field(default=None, description="Uid of the item.")
    pos_dest: Position | None = Field(default=None, description=f"Destination. {_POSITION}")
    before_uid: str | None = Field(default=None, description="Move it before this item.")
    after_uid: str | None = Field(default=None, description="Move it after this item.")


class ItemHoldParams(EditParams):
    """Which item to hold, and why."""

    uid: str = Field(description="Uid of the item.")
    reason: str = Field(default="held by a person", min_length=1, max_length=500, description="Shown with the item.")


class ItemReleaseParams(EditParams):
    """Which item to release."""

    uid: str = Field(description="Uid of the held item.")


@dataclass(frozen=True, slots=True)
class ItemReply:
    """The item after the change, and the size of the queue."""

    item: dict[str, Any] | None = None
    qsize: int | None = None


@dataclass(frozen=True, slots=True)
class ItemFound:
    """An item of the queue."""

    item: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ItemTaken:
    """The item that was removed or moved, and the size of the queue."""

    item: dict[str, Any] = field(default_factory=dict[str, Any])
    qsize: int | None = None


@dataclass(frozen=True, slots=True)
class BatchReply:
    """The items that were added, or as they were sent if not all could be, with one result for each."""

    items: list[Any] = field(default_factory=list[Any])
    results: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    qsize: int | None = None


_ADD = "Failed to add an item: "

METHODS = (
    Method(
        name="queue_item_add",
        summary="Add an item to the queue.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/items"),
        params=ItemAddParams,
        result=ItemReply,
        lock="queue",
        refusal=_ADD,
        notes="The item always gets a new item_uid.",
    ),
    Method(
        name="queue_item_add_batch",
        summary="Add several items in one transaction, all or none.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/items:batch"),
        params=ItemBatchParams,
        result=BatchReply,
        lock="queue",
        refusal=_ADD,
    ),
    Method(
        name="queue_item_get",
        summary="Return one item of the queue.",
        kind="read",
        scope="read:queue",
        route=("GET", "/queue/item"),
        params=ItemGetParams,
        result=ItemFound,
        refusal="Failed to get an item: ",
    ),
    Method(
        name="queue_item_update",
        summary="Change an item that is in the queue; it keeps its place.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/item:update"),
        params=ItemUpdateParams,
        result=ItemReply,
        lock="queue",
        refusal=_ADD,
    ),
    Method(
        name="queue_item_move",
        summary="Move an item to another place in the queue.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/item:move"),
        params=ItemMoveParams,
        result=ItemTaken,
        lock="queue",
        refusal="Failed to move the item: ",
    ),
    Method(
        name="queue_item_remove",
        summary="Remove an item from the queue.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/item:remove"),
        params=ItemRemoveParams,
        result=ItemTaken,
        lock="queue",
        refusal="Failed to remove an item: ",
    ),
    Method(
        name="queue_item_hold",
        summary="Hold an item: it keeps its place, and the queue does not go past it.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/item:hold"),
        params=ItemHoldParams,
        result=ItemReply,
        lock="queue",
        refusal="Failed to hold the item: ",
    ),
    Method(
        name="queue_item_release",
        summary="Release a held item: the queue may run it again.",
        kind="mutation",
        scope="write:queue:edit",
        route=("POST", "/queue/item:release"),
        params=ItemReleaseParams,
        result=ItemReply,
        lock="queue",
        refusal="Failed to release the item: ",
    ),
)
