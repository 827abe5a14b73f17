"""Handlers of the methods about the items of the queue."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from queue_server.access import validate_item
from queue_server.core.events import HoldReleased, QueueChanged
from queue_server.core.placement import index_in, place_moved, place_new, refuse_two_addresses
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.protocol.errors import CuelightError, NotFoundError, ParameterError, RefusedError, StateError
from queue_server.protocol.items import PUBLIC_KEYS, Item, Place
from queue_server.protocol.methods.items import (
    BatchReply,
    ItemAddParams,
    ItemBatchParams,
    ItemFound,
    ItemGetParams,
    ItemHoldParams,
    ItemMoveParams,
    ItemReleaseParams,
    ItemRemoveParams,
    ItemReply,
    ItemTaken,
    ItemUpdateParams,
    Position,
)

_log = logging.getLogger(__name__)

# The architecture's limit of a queue: beyond it every listing and every client becomes slow.
MOST_ITEMS = 100_000


def add_item(context: TurnContext, params: ItemAddParams) -> ItemReply:
    """Add one item."""
    _log.info("Adding new item to the queue ...")
    try:
        group_name = _require_user(params.user, params.user_group)
        item = _new_item(context, params.item, str(params.user), group_name)
        size = _insert(context, [item], params)
    except CuelightError as error:
        _log.info("Item added: success=False: %s", error)
        raise error.with_fields(item=params.item) from error
    _log.info("Item added: success=True item_uid=%s name=%s qsize=%d", item.uid, item.name, size)
    context.record(item_uid=item.uid, name=item.name)
    return ItemReply(item.shown(), size)


def add_items(context: TurnContext, params: ItemBatchParams) -> BatchReply:
    """Add several items, all or none."""
    if params.items is None:
        raise ParameterError("Incorrect request format: the list of items is not found", field="items")
    group_name = _require_user(params.user, params.user_group)
    items: list[Item] = []
    results: list[dict[str, Any]] = []
    for content in params.items:
        try:
            items.append(_new_item(context, content, str(params.user), group_name))
            results.append({"success": True, "msg": ""})
        except CuelightError as error:
            results.append({"success": False, "msg": f"Failed to add an item: {error}"})
    failed = len(results) - len(items)
    size = context.turn.tx.count_queue(context.lane)
    if failed:
        raise RefusedError(
            f"validation of {failed} out of {len(results)} submitted items failed, and none was added"
        ).with_fields(items=params.items, results=results, qsize=size)
    if items:
        size = _insert(context, items, params)
        context.record(item_uids=[item.uid for item in items])
    return BatchReply([item.shown() for item in items], results, size)


def get_item(context: TurnContext, params: ItemGetParams) -> ItemFound:
    """Return one item of the queue."""
    return ItemFound(_find(context, params.pos, params.uid).shown())


def update_item(context: TurnContext, params: ItemUpdateParams) -> ItemReply:
    """Change an item; with ``replace`` it gets a new uid."""
    try:
        group_name = _require_user(params.user, params.user_group)
        content = _require_item(params.item)
        uid = content.get("item_uid")
        if not isinstance(uid, str):
            raise ParameterError("The item has no 'item_uid', so it is not known which one to change.", field="item")
        old = _require_queued(context, uid)
        item = _new_item(context, content, str(params.user), group_name, uid=None if params.replace else uid)
        item = Item(item.uid, old.lane, old.submission, item.content)
        size = context.turn.state.lane(context.lane).size
        if item.content != old.content or old.state == "held":
            context.turn.tx.replace(uid, item)
            context.turn.apply(QueueChanged(context.lane, 0))
            _release_lane(context, old)
            context.record(item_uid=item.uid, replaced=uid)
    except CuelightError as error:
        raise error.with_fields(item=params.item) from error
    return ItemReply(item.shown(), size)


def move_item(context: TurnContext, params: ItemMoveParams) -> ItemTaken:
    """Move an item."""
    if params.pos is None and params.uid is None:
        raise ParameterError("Source position or UID is not specified: give pos or uid.", field="uid")
    item = _find(context, params.pos, params.uid)
    tx, size = context.turn.tx, context.turn.state.lane(context.lane).size
    source = tx.index_of(item.uid) or 0
    place = place_moved(params.pos_dest, params.before_uid, params.after_uid, source=source, size=size)
    if isinstance(place, int):
        neighbour = tx.item_at(context.lane, place)
        uid = neighbour.uid if neighbour is not None else item.uid
        place = Place(before_uid=uid) if source > place else Place(after_uid=uid)
    else:
        place = _resolve_neighbour(context, place)
    if item.uid not in (place.before_uid, place.after_uid):
        tx.move(item.uid, place)
        if tx.index_of(item.uid) != source:
            context.turn.apply(QueueChanged(context.lane, 0))
            context.record(item_uid=item.uid)
    return ItemTaken(item.shown(), size)


def remove_item(context: TurnContext, params: ItemRemoveParams) -> ItemTaken:
    """Remove an item."""
    _log.info("Removing item from the queue ...")
    item = _find(context, params.pos, params.uid)
    context.turn.tx.remove([item.uid])
    context.turn.apply(QueueChanged(context.lane, -1))
    _release_lane(context, item)
    context.record(item_uid=item.uid, name=item.name)
    return ItemTaken(item.shown(), context.turn.state.lane(context.lane).size)


def hold_item(context: TurnContext, params: ItemHoldParams) -> ItemReply:
    """Hold an item."""
    item = _require_queued(context, params.uid)
    if item.state == "held" and item.reason == params.reason:
        return ItemReply(item.shown(), context.turn.state.lane(context.lane).size)
    return _set_held(context, params.uid, params.reason)


def release_item(context: TurnContext, params: ItemReleaseParams) -> ItemReply:
    """Release a held item."""
    item = _require_queued(context, params.uid)
    if item.state != "held":
        raise StateError(f"Item with UID {item.uid!r} is not held.")
    reply = _set_held(context, params.uid, None)
    _release_lane(context, item)
    return reply


def _set_held(context: TurnContext, uid: str, reason: str | None) -> ItemReply:
    context.turn.tx.set_held(uid, reason)
    context.turn.apply(QueueChanged(context.lane, 0))
    context.record(item_uid=uid, reason=reason or "")
    item = context.turn.tx.item(uid)
    return ItemReply(item.shown() if item else None, context.turn.state.lane(context.lane).size)


def _release_lane(context: TurnContext, item: Item) -> None:
    """Open the lane after a held item was dealt with, unless its head is still held."""
    head = context.turn.tx.item_at(context.lane, 0)
    if item.state == "held" and (head is None or head.state != "held"):
        context.turn.apply(HoldReleased(item.lane))


def _insert(context: TurnContext, items: list[Item], params: ItemAddParams | ItemBatchParams) -> int:
    size = context.turn.state.lane(context.lane).size
    if size + len(items) > MOST_ITEMS:
        raise RefusedError(f"The queue has {size} items, and at most {MOST_ITEMS} are accepted.")
    place = _resolve_neighbour(context, place_new(params.pos, params.before_uid, params.after_uid, size))
    context.turn.tx.insert(items, place)
    context.turn.apply(QueueChanged(context.lane, len(items)))
    return size + len(items)


def _resolve_neighbour(context: TurnContext, place: Place) -> Place:
    """Turn the running item as a neighbour into the front of the queue; refuse what is not there."""
    uid = place.before_uid or place.after_uid
    if uid is None:
        return place
    attempt = context.turn.state.lane(context.lane).attempt
    if attempt is not None and attempt.key.item_uid == uid:
        if place.before_uid is not None:
            raise StateError("Can not insert an item before the item that is currently running.")
        return Place("front")
    if context.turn.tx.index_of(uid) is None:
        raise NotFoundError(f"Item with UID {uid!r} is not in the queue.")
    return place


def _find(context: TurnContext, pos: Position | None, uid: str | None) -> Item:
    refuse_two_addresses(pos, uid, "item")
    if uid is not None:
        return _require_queued(context, uid)
    size = context.turn.state.lane(context.lane).size
    index = index_in("back" if pos is None else pos, size)
    item = None if index is None else context.turn.tx.item_at(context.lane, index)
    if item is None:
        raise NotFoundError(f"Index {pos if pos is not None else 'back'} is out of range: the queue has {size} items.")
    return item


def _require_queued(context: TurnContext, uid: str) -> Item:
    item = context.turn.tx.item(uid)
    if item is not None and item.state == "running":
        raise StateError(
            f"Can not remove an item which is currently running: {uid!r}."
            if _removes(context)
            else (f"The item with UID {uid!r} is currently running.")
        )
    if item is None or item.state == "finished" or item.lane != context.lane:
        raise NotFoundError(f"Item with UID {uid!r} is not in the queue.")
    return item


def _removes(context: TurnContext) -> bool:
    return context.method == "queue_item_remove"


def _require_user(user: str | None, group_name: str | None) -> str:
    if group_name is None:
        raise ParameterError("Incorrect request format: user group is not specified", field="user_group")
    if user is None:
        raise ParameterError("Incorrect request format: user name is not specified", field="user")
    return group_name


def _require_item(content: object) -> Mapping[str, Any]:
    if content is None:
        raise ParameterError("Incorrect request format: request contains no item info", field="item")
    if not isinstance(content, dict):
        raise ParameterError(
            f"Incorrect request format: an item must be a map, not {type(content).__name__}", field="item"
        )
    return cast("dict[str, Any]", content)


def _new_item(context: TurnContext, content: object, user: str, group_name: str, *, uid: str | None = None) -> Item:
    checked = _require_item(content)
    validate_item(checked, context.desk.resources.catalog, group_name)
    uid = uid or context.turn.chance.identifier()
    public = {name: checked[name] for name in PUBLIC_KEYS if name in checked}
    public |= {"item_uid": uid, "user": user, "user_group": group_name}
    return Item(uid, context.lane, uid, public)


GROUP = group(
    turn={
        "queue_item_add": add_item,
        "queue_item_add_batch": add_items,
        "queue_item_get": get_item,
        "queue_item_update": update_item,
        "queue_item_move": move_item,
        "queue_item_remove": remove_item,
        "queue_item_hold": hold_item,
        "queue_item_release": release_item,
    }
)
