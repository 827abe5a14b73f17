"""Handlers of the methods about the queue as a whole."""

from __future__ import annotations

import logging
from typing import Any

from queue_server.core.events import (
    HoldReleased,
    ModeSet,
    QueueChanged,
    QueueStartRequested,
    QueueStopCancelled,
    QueueStopRequested,
)
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.protocol.errors import ParameterError, StateError
from queue_server.protocol.method import Done, LockableParams
from queue_server.protocol.methods.queue import ModeSetParams, Queue, QueueGetParams

_log = logging.getLogger(__name__)

_DEFAULT_MODE = {"loop": False, "ignore_failures": False}


def read_queue(context: TurnContext, params: QueueGetParams) -> Queue:
    """Return the queue and the running item, both of the same instant."""
    tx = context.turn.tx
    items = tx.queue(context.lane, limit=params.limit, after_uid=params.after_uid)
    running = next((entry for entry in tx.running() if entry.item.lane == context.lane), None)
    shown: dict[str, Any] = {}
    if running is not None:
        shown = {**running.item.content, "properties": {"time_start": running.time_start}}
    return Queue([item.shown() for item in items], shown, context.queue_uid())


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
    removed = context.turn.tx.clear(context.lane)
    if removed:
        context.turn.apply(QueueChanged(context.lane, -removed))
        context.turn.apply(HoldReleased(context.lane))
        context.record(removed=removed)
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
