"""Handlers of the methods about several items of the queue at once: all of them, or none."""

from __future__ import annotations

import logging

from queue_server.core import edits
from queue_server.engine import exam_progress
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.selection import places_of, release_lane, require_queued, resolve_neighbour
from queue_server.protocol.errors import NotFoundError, ParameterError, RefusedError
from queue_server.protocol.items import Item, Place
from queue_server.protocol.methods.items_together import ItemsTaken, MoveBatchParams, RemoveBatchParams

_log = logging.getLogger(__name__)


def remove_items(context: TurnContext, params: RemoveBatchParams) -> ItemsTaken:
    """Remove the items that are in the queue; without ``ignore_missing`` all of them must be."""
    _log.info("Removing a batch of items from the queue ...")
    uids = _require_uids(params.uids)
    if not params.ignore_missing:
        _refuse_repeated(uids)
    items = _find_all(context, uids, skip_missing=params.ignore_missing)
    if items:
        places = places_of(context, items)
        context.turn.tx.remove([item.uid for item in items])
        for item in items:
            exam_progress.note_removal(context.turn.tx, item, context.turn.now)
        context.edit(edits.removed(items, places), -len(items), item_uids=[item.uid for item in items])
        for item in items:
            release_lane(context, item)
    return ItemsTaken([item.shown() for item in items], context.turn.state.lane(context.lane).size)


def move_items(context: TurnContext, params: MoveBatchParams) -> ItemsTaken:
    """Move the items side by side, in the order given or in the order of the queue."""
    _log.info("Moving a batch of queue items ...")
    uids = _require_uids(params.uids)
    place = _read_place(params)
    _refuse_repeated(uids)
    neighbour = place.before_uid or place.after_uid
    if neighbour in uids:
        raise ParameterError(f"The item {neighbour!r} is in the batch and cannot be its neighbour.", field="uids")
    items = _find_all(context, uids, skip_missing=False)
    tx = context.turn.tx
    indices = {item.uid: tx.index_of(item.uid) or 0 for item in items}
    if params.reorder:
        items.sort(key=lambda item: indices[item.uid])
    place, places = resolve_neighbour(context, place), places_of(context, items)
    for item in items:
        tx.move(item.uid, place)
        place = Place(after_uid=item.uid)
    if items and _have_moved(context, items, indices):
        context.edit(edits.moved(places), item_uids=[item.uid for item in items])
    return ItemsTaken([item.shown() for item in items], context.turn.state.lane(context.lane).size)


def _have_moved(context: TurnContext, items: list[Item], indices: dict[str, int]) -> bool:
    """Whether items that now stand side by side stood elsewhere, or in another order, before."""
    first = context.turn.tx.index_of(items[0].uid) or 0
    return [indices[item.uid] for item in items] != list(range(first, first + len(items)))


def _require_uids(uids: list[str] | None) -> list[str]:
    if uids is None:
        raise ParameterError("Request does not contain the list of UIDs", field="uids")
    return uids


def _read_place(params: MoveBatchParams) -> Place:
    given = [value for value in (params.pos_dest, params.before_uid, params.after_uid) if value is not None]
    if not given:
        raise ParameterError("Give the destination as pos_dest, before_uid or after_uid.", field="pos_dest")
    if len(given) > 1:
        raise ParameterError("Ambiguous parameters: give one of pos_dest, before_uid and after_uid.", field="pos_dest")
    return Place(params.pos_dest or "back", params.before_uid, params.after_uid)


def _refuse_repeated(uids: list[str]) -> None:
    repeated = len(uids) - len(set(uids))
    if repeated:
        raise ParameterError(f"The list contains repeated UIDs ({repeated} of {len(uids)}).", field="uids")


def _find_all(context: TurnContext, uids: list[str], *, skip_missing: bool) -> list[Item]:
    found: dict[str, Item] = {}
    missing: list[str] = []
    for uid in uids:
        try:
            found[uid] = require_queued(context, uid)
        except RefusedError:
            missing.append(uid)
    if missing and not skip_missing:
        shown = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise NotFoundError(
            f"The queue does not contain items with the following UIDs: {shown}", details={"missing": missing[:100]}
        )
    return list(found.values())


GROUP = group(turn={"queue_item_remove_batch": remove_items, "queue_item_move_batch": move_items})
