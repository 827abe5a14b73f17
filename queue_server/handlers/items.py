"""Handlers of the methods about the items of the queue."""

from __future__ import annotations

import logging
from typing import Any

from msgspec.structs import replace

from queue_server.core import edits
from queue_server.core.edits import Neighbours
from queue_server.core.placement import place_moved, place_new
from queue_server.engine import exam_progress
from queue_server.handlers.after import Earlier, refuse_itself
from queue_server.handlers.batch_lanes import choose_common_lane, choose_own_lane, split_by_lane
from queue_server.handlers.context import TurnContext
from queue_server.handlers.graph_lane import choose_lane
from queue_server.handlers.group import group
from queue_server.handlers.new_items import begin_exam_tasks, make_item, require_item, require_user
from queue_server.handlers.selection import find_item, places_of, release_lane, require_queued, resolve_neighbour
from queue_server.protocol.errors import CuelightError, ParameterError, RefusedError, StateError
from queue_server.protocol.items import BACK, FRONT, Item, Place
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
    PlaceParams,
)

ADDED_HELD = "It was added held: release it when it may begin."
"""Why an item is held that is added so."""

_log = logging.getLogger(__name__)


def add_item(context: TurnContext, params: ItemAddParams) -> ItemReply:
    """Add one item."""
    try:
        group_name = require_user(params.user, params.user_group)
        context = choose_lane(context, params.lane, [params.item])
        item = make_item(context, params.item, str(params.user), group_name)
        if params.held:
            item = replace(item, state="held", reason=ADDED_HELD)
        size = insert_items(context, [item], params)
        context.edit(edits.added([item]), 1, item)
    except CuelightError as error:
        _log.info("Item added: success=False: %s", error)
        raise error.with_fields(item=params.item) from error
    context.turn.remarks.append(
        lambda: _log.info("Item added: success=True item_uid=%s name=%s qsize=%d", item.uid, item.name, size)
    )
    return ItemReply(item.shown(), size)


def add_items(context: TurnContext, params: ItemBatchParams) -> BatchReply:
    """Add several items, all or none."""
    if params.items is None:
        raise ParameterError("Incorrect request format: the list of items is not found", field="items")
    group_name = require_user(params.user, params.user_group)
    context = choose_common_lane(context, params.lane, params.items)
    made = Earlier()
    results: list[dict[str, Any]] = []
    uids = context.turn.chance.identifiers(len(params.items))
    for uid, content in zip(uids, params.items, strict=True):
        try:
            own = choose_own_lane(context, params.lane, content)
            made.note(make_item(own, content, str(params.user), group_name, uid=uid, earlier=made))
            results.append({"success": True, "msg": ""})
        except CuelightError as error:
            made.note(None)
            results.append(_result_of(error))
    items = list(made.items.values())
    size = context.turn.tx.count_queue(context.lane)
    try:
        if len(items) < len(results):
            failed = len(results) - len(items)
            raise RefusedError(f"validation of {failed} out of {len(results)} submitted items failed")
        parts = split_by_lane(context, items, params)
        for lane, part in parts:
            insert_items(lane, part, params)
    except CuelightError as error:
        # What refuses all of them, such as an absent neighbour, is the result of each.
        results = results if len(items) < len(results) else [_result_of(error)] * len(results)
        fields = {"items": params.items, "results": results, "qsize": size}
        raise error.with_lead("Failed to add all items: ").with_fields(**fields) from error
    size += sum(len(part) for lane, part in parts if lane.lane == context.lane)
    # All of them are there before the first may start: it may be what another one waits for.
    for lane, part in parts:
        lane.edit(edits.added(part), len(part), item_uids=[item.uid for item in part])
    return BatchReply([item.shown() for item in items], results, size)


def _result_of(error: CuelightError) -> dict[str, Any]:
    return {"success": False, "msg": f"Failed to add an item: {error}"}


def get_item(context: TurnContext, params: ItemGetParams) -> ItemFound:
    """Return one item of the queue."""
    return ItemFound(find_item(context, params.pos, params.uid).shown())


def update_item(context: TurnContext, params: ItemUpdateParams) -> ItemReply:
    """Change an item; with ``replace`` it gets a new uid."""
    try:
        group_name = require_user(params.user, params.user_group)
        content = require_item(params.item)
        uid = content.get("item_uid")
        if not isinstance(uid, str):
            raise ParameterError("The item has no 'item_uid', so it is not known which one to change.", field="item")
        old = require_queued(context, uid)
        item = make_item(context, content, str(params.user), group_name, uid=None if params.replace else uid)
        item = exam_progress.keep_link(old, Item(item.uid, old.lane, old.submission, item.content))
        refuse_itself(context, item)
        size = context.turn.state.lane(context.lane).size
        if item.content != old.content or old.state == "held":
            context.turn.tx.replace(uid, item)
            exam_progress.note_replacement(context.turn.tx, old, item, context.turn.now)
            context.edit(edits.replaced(item.uid, old), 0, item, replaced=uid)
            release_lane(context, old)
    except CuelightError as error:
        raise error.with_fields(item=params.item) from error
    return ItemReply(item.shown(), size)


def move_item(context: TurnContext, params: ItemMoveParams) -> ItemTaken:
    """Move an item."""
    if params.pos is None and params.uid is None:
        raise ParameterError("Source position or UID is not specified: give pos or uid.", field="uid")
    item = find_item(context, params.pos, params.uid)
    size = context.turn.state.lane(context.lane).size
    given = place_moved(params.pos_dest, params.before_uid, params.after_uid, size=size)
    is_index = isinstance(given, int)
    place = _place_at(context, item, given, size) if is_index else resolve_neighbour(context, given)
    between = context.turn.tx.neighbours(item.uid)
    if not _stands_at(place, item, between):
        context.turn.tx.move(item.uid, place)
        told = {"index": given} if is_index else {"before_uid": place.before_uid, "after_uid": place.after_uid}
        context.edit(edits.moved({item.uid: between}), 0, item, **told)
    return ItemTaken(item.shown(), size)


def _place_at(context: TurnContext, item: Item, index: int, size: int) -> Place:
    """Return the place of an item that is to have an index; to find the ends, the queue need not be gone through."""
    if index in (0, size - 1):
        return FRONT if index == 0 else BACK
    neighbour = context.turn.tx.item_at(context.lane, index if index < size // 2 else index - size)
    if neighbour is None or neighbour.uid == item.uid:
        return Place(before_uid=item.uid)
    source = context.turn.tx.index_of(item.uid) or 0
    return Place(before_uid=neighbour.uid) if source > index else Place(after_uid=neighbour.uid)


def _stands_at(place: Place, item: Item, between: Neighbours) -> bool:
    """Whether an item is where it is to go: its neighbours tell at once, its index only after those before it."""
    follows, precedes = between
    if place.before_uid is not None:
        return place.before_uid in (item.uid, precedes)
    if place.after_uid is not None:
        return place.after_uid in (item.uid, follows)
    return (follows if place == FRONT else precedes) is None


def remove_item(context: TurnContext, params: ItemRemoveParams) -> ItemTaken:
    """Remove an item."""
    _log.info("Removing item from the queue ...")
    item = find_item(context, params.pos, params.uid)
    places = places_of(context, [item])
    context.turn.tx.remove([item.uid])
    exam_progress.note_removal(context.turn.tx, item, context.turn.now)
    context.edit(edits.removed([item], places), -1, item)
    release_lane(context, item)
    return ItemTaken(item.shown(), context.turn.state.lane(context.lane).size)


def hold_item(context: TurnContext, params: ItemHoldParams) -> ItemReply:
    """Hold an item."""
    item = require_queued(context, params.uid)
    if item.state == "held" and item.reason == params.reason:
        return ItemReply(item.shown(), context.turn.state.lane(context.lane).size)
    return _set_held(context, item, params.reason)


def release_item(context: TurnContext, params: ItemReleaseParams) -> ItemReply:
    """Release a held item."""
    item = require_queued(context, params.uid)
    if item.state != "held":
        raise StateError(f"Item with UID {item.uid!r} is not held.")
    reply = _set_held(context, item, None)
    release_lane(context, item)
    return reply


def _set_held(context: TurnContext, old: Item, reason: str | None) -> ItemReply:
    context.turn.tx.set_held(old.uid, reason)
    # Before what follows from the edit: a released item may begin at once.
    exam_progress.note(context.turn.tx, old, "queued" if reason is None else "held", context.turn.now)
    context.edit(edits.replaced(old.uid, old), 0, old, reason=reason or "")
    item = context.turn.tx.item(old.uid)
    return ItemReply(item.shown() if item else None, context.turn.state.lane(context.lane).size)


def insert_items(context: TurnContext, items: list[Item], params: PlaceParams) -> int:
    """Put new items where the parameters say, and begin the exam tasks that they do; return how many wait then.

    Raises:
        RefusedError: the queue is full, or there is no such place.
    """
    size = context.turn.state.lane(context.lane).size
    most = context.desk.limits.max_queue_items
    if size + len(items) > most:
        raise RefusedError(f"The queue has {size} items, and at most {most} are accepted.")
    place = resolve_neighbour(context, place_new(params.pos, params.before_uid, params.after_uid, size))
    context.turn.tx.insert(items, place)
    begin_exam_tasks(context, items)
    return size + len(items)


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
