"""Which item of the queue a request means, and where its neighbours are."""

from __future__ import annotations

from collections.abc import Sequence

from queue_server.core.edits import MOST_ITEMS_REMEMBERED, Neighbours
from queue_server.core.events import HoldReleased
from queue_server.core.placement import Position, index_in, refuse_two_addresses
from queue_server.handlers.context import TurnContext
from queue_server.protocol.errors import NotFoundError, ParameterError, StateError
from queue_server.protocol.items import Item, Place


def find_item(context: TurnContext, pos: Position | None, uid: str | None) -> Item:
    """Return the item of the queue at a position or with a uid; without either, the last one.

    Raises:
        ParameterError: both are given.
        StateError: the item is running.
        NotFoundError: it is not in the queue.
    """
    refuse_two_addresses(pos, uid, "item")
    if uid is not None:
        return require_queued(context, uid)
    size = context.turn.state.lane(context.lane).size
    index = index_in("back" if pos is None else pos, size)
    item = None if index is None else context.turn.tx.item_at(context.lane, index)
    if item is None:
        raise NotFoundError(f"Index {pos if pos is not None else 'back'} is out of range: the queue has {size} items.")
    return item


def require_queued(context: TurnContext, uid: str) -> Item:
    """Return an item of the queue.

    Raises:
        StateError: the item is running.
        NotFoundError: it is not in the queue.
    """
    item = context.turn.tx.item(uid)
    if item is not None and item.state == "running":
        raise StateError(
            f"Can not remove an item which is currently running: {uid!r}."
            if _removes(context)
            else f"The item with UID {uid!r} is currently running."
        )
    if item is None or item.state == "finished" or item.lane != context.lane:
        raise _not_queued(uid, item)
    return item


def _not_queued(uid: str, item: Item | None) -> NotFoundError:
    is_elsewhere = item is not None and item.state in ("queued", "held")
    where = f" It is in the lane {item.lane!r}." if item is not None and is_elsewhere else ""
    return NotFoundError(f"Item with UID {uid!r} is not in the queue.{where}")


def _removes(context: TurnContext) -> bool:
    return context.method.startswith("queue_item_remove")


def resolve_neighbour(context: TurnContext, place: Place) -> Place:
    """Turn the running item as a neighbour into the front of the queue.

    Raises:
        StateError: something is to go before the running item.
        NotFoundError: the neighbour is not in the queue.
    """
    uid = place.before_uid or place.after_uid
    if uid is None:
        return place
    attempt = context.turn.state.lane(context.lane).attempt
    if attempt is not None and attempt.key.item_uid == uid:
        if place.before_uid is not None:
            raise StateError("Can not insert an item before the item that is currently running.")
        return Place("front")
    item = context.turn.tx.item(uid)
    if item is None or item.state not in ("queued", "held") or item.lane != context.lane:
        raise _not_queued(uid, item)
    return place


def check_times(time_from: float | None, time_to: float | None) -> None:
    """Refuse a range of times that has none.

    Raises:
        ParameterError: it ends before it begins.
    """
    if time_from is not None and time_to is not None and time_to <= time_from:
        raise ParameterError("'time_to' must be later than 'time_from'.", field="time_to")


def places_of(context: TurnContext, items: Sequence[Item]) -> dict[str, Neighbours] | None:
    """Return between whom items of the queue stand, None if they are more than are remembered."""
    if len(items) > MOST_ITEMS_REMEMBERED:
        return None
    return {item.uid: context.turn.tx.neighbours(item.uid) for item in items}


def release_lane(context: TurnContext, item: Item) -> None:
    """Open the lane after a held item was dealt with, unless its head is still held."""
    head = context.turn.tx.item_at(context.lane, 0)
    if item.state == "held" and (head is None or head.state != "held"):
        context.turn.apply(HoldReleased(item.lane))
