"""Handlers of the methods about the queue as a whole."""

from __future__ import annotations

import logging
from typing import Any

from queue_server.core import edits
from queue_server.core.events import (
    HoldReleased,
    ModeSet,
    QueueStartRequested,
    QueueStopCancelled,
    QueueStopRequested,
)
from queue_server.engine import exam_progress
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.protocol.errors import ParameterError, StateError
from queue_server.protocol.item_filter import ItemFilter
from queue_server.protocol.items import Item
from queue_server.protocol.method import Done, LockableParams
from queue_server.protocol.methods.queue import ModeSetParams, Queue, QueueGetParams, QueuePart

_log = logging.getLogger(__name__)

QUEUE_WINDOW = 1_000
"""Items that one request with a filter examines: some ten milliseconds, in which everybody else waits."""

_DEFAULT_MODE = {"loop": False, "ignore_failures": False}


def read_queue(context: TurnContext, params: QueueGetParams) -> Queue:
    """Return the queue and the running item, both of the same instant."""
    tx = context.turn.tx
    wanted = ItemFilter(name=params.name, user=params.by_user, state=params.state, text=params.text)
    at_most = params.limit if wanted.is_empty else QUEUE_WINDOW
    examined = tx.queue(context.lane, limit=at_most, after_uid=params.after_uid)
    running = next((entry for entry in tx.running() if entry.item.lane == context.lane), None)
    shown: dict[str, Any] = {}
    if running is not None:
        shown = {**running.item.shown(), "properties": {"time_start": running.time_start}}
    if wanted.is_empty:
        return Queue([item.shown() for item in examined], shown, context.queue_uid())
    items, following = _take_part(examined, wanted, params.limit or QUEUE_WINDOW)
    return QueuePart([item.shown() for item in items], shown, context.queue_uid(), following)


def _take_part(examined: list[Item], wanted: ItemFilter, limit: int) -> tuple[list[Item], str | None]:
    """Return the items that fit, and the uid behind which the next part begins."""
    found: list[Item] = []
    for place, item in enumerate(examined, 1):
        if wanted.fits(item):
            found.append(item)
        if len(found) == limit:
            is_end = place == len(examined) < QUEUE_WINDOW
            return found, None if is_end else item.uid
    return found, examined[-1].uid if len(examined) == QUEUE_WINDOW else None


def start_queue(context: TurnContext, _: LockableParams) -> Done:
    """Start the queue, unless its head waits for a person."""
    _log.info("Starting queue processing ...")
    head = context.turn.tx.item_at(context.lane, 0)
    if head is not None and head.state == "held":
        raise StateError(
            f"The item {head.name!r} at the head of the queue is held: {head.reason}. "
            "Release it (queue_item_release), change it or remove it, then start the queue again.",
            details={"item_uid": head.uid, "reason": head.reason},
        )
    context.record()
    context.turn.apply(QueueStartRequested(context.lane))
    return Done()


def stop_queue(context: TurnContext, _: LockableParams) -> Done:
    """Stop the queue after the running item."""
    _log.info("The queue will stop after the running item")
    context.turn.apply(QueueStopRequested(context.lane))
    context.record()
    return Done()


def cancel_stop(context: TurnContext, _: LockableParams) -> Done:
    """Take back the request to stop."""
    context.turn.apply(QueueStopCancelled(context.lane))
    context.record()
    return Done()


def set_mode(context: TurnContext, params: ModeSetParams) -> Done:
    """Change the mode; parts that are not named stay."""
    lane = context.turn.state.lane(context.lane)
    mode = {"loop": lane.loop, "ignore_failures": lane.ignore_failures}
    mode = dict(_DEFAULT_MODE) if params.mode == "default" else {**mode, **_check_mode(params.mode)}
    context.turn.apply(ModeSet(context.lane, mode["loop"], mode["ignore_failures"]))
    context.record(mode=mode)
    return Done()


def _check_mode(mode: object) -> dict[str, bool]:
    checked: dict[str, bool] = {}
    for name, value in dict(mode).items():  # type: ignore[call-overload]
        if name not in _DEFAULT_MODE:
            raise ParameterError(
                f"Unsupported plan queue mode parameter {name!r}: supported are {list(_DEFAULT_MODE)}.", field="mode"
            )
        if not isinstance(value, bool):
            raise ParameterError(f"'mode.{name}' must be true or false, not {value!r}.", field="mode")
        checked[name] = value
    return checked


def clear_queue(context: TurnContext, _: LockableParams) -> Done:
    """Remove all items."""
    _log.info("Clearing the queue ...")
    tx = context.turn.tx
    is_small = tx.count_queue(context.lane) <= edits.MOST_ITEMS_REMEMBERED
    items = tx.queue(context.lane) if is_small else None
    if context.turn.state.lane(context.lane).is_remote:
        for item in tx.queue(context.lane) if items is None else items:
            exam_progress.note_removal(tx, item, context.turn.now)
    removed = tx.clear(context.lane)
    if removed:
        context.edit(edits.cleared(items), -removed, removed=removed)
        context.turn.apply(HoldReleased(context.lane))
    return Done()


GROUP = group(
    turn={
        "queue_get": read_queue,
        "queue_start": start_queue,
        "queue_stop": stop_queue,
        "queue_stop_cancel": cancel_stop,
        "queue_mode_set": set_mode,
        "queue_clear": clear_queue,
    }
)
