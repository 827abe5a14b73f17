"""Handlers of the methods about the queue as a whole."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

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
from queue_server.handlers.further import Further
from queue_server.handlers.group import group
from queue_server.handlers.kept_lists import KeptList, QueueMark
from queue_server.protocol.errors import ParameterError, StateError
from queue_server.protocol.item_filter import ItemFilter
from queue_server.protocol.items import Item
from queue_server.protocol.method import Done, LockableParams
from queue_server.protocol.methods.queue import ModeSetParams, Queue, QueueGetParams, QueuePart
from queue_server.protocol.written_list import Piece, WrittenList

_log = logging.getLogger(__name__)

QUEUE_WINDOW = 1_000
"""Items that are read in one turn, and examined by one request with a filter: in these milliseconds others wait."""
READINGS = 3
"""How often a long queue is read in several turns, if it changes each time before all of it was read."""

_DEFAULT_MODE = {"loop": False, "ignore_failures": False}


def read_queue(context: TurnContext, params: QueueGetParams) -> Queue | Further:
    """Return the queue and the running item, both of the same instant."""
    tx = context.turn.tx
    wanted = ItemFilter(name=params.name, user=params.by_user, state=params.state, text=params.text)
    if not wanted.is_empty:
        examined = tx.queue(context.lane, limit=QUEUE_WINDOW, after_uid=params.after_uid)
        items, following = _take_part(examined, wanted, params.limit or QUEUE_WINDOW)
        shown = [item.shown() for item in items]
        return QueuePart(shown, _running_item(context), context.queue_uid(), following)
    if params.limit is None and params.after_uid is None:
        return _Reading().find(context)
    part = tx.shown_queue(context.lane, limit=params.limit, after_uid=params.after_uid)
    return _show(context, [part.piece])


class _Reading(Struct):
    """A whole queue that is read in several turns; when it changes meanwhile it is read again, at last in one turn."""

    revision: int | None = None
    left: int = READINGS
    last_uid: str | None = None
    pieces: Sequence[Piece] = ()

    def find(self, context: TurnContext) -> Queue | Further:
        mark = QueueMark(context.lane, context.turn.state.revisions.queue)
        kept_list = context.desk.kept.queue
        kept = kept_list.latest
        if kept is not None and kept.mark == mark:
            return _show(context, kept.pieces)
        if self.revision != mark.revision:
            self.revision, self.left, self.last_uid, self.pieces = mark.revision, self.left - 1, None, ()
        limit = QUEUE_WINDOW if self.left > 0 else None
        part = context.turn.tx.shown_queue(context.lane, limit=limit, after_uid=self.last_uid)
        self.last_uid, self.pieces = part.last_uid, (*self.pieces, part.piece)
        if part.piece.count == limit:
            return Further(self.find)
        found = _show(context, self.pieces)
        if len(self.pieces) == 1:
            return found
        # For whoever asks next; what was found is of this turn, whatever comes meanwhile.
        return Further(lambda _: found, lambda: _keep(kept_list, mark, self.pieces))


def _keep(kept_list: KeptList[QueueMark], mark: QueueMark, pieces: Sequence[Piece]) -> None:
    kept_list.keep(mark, pieces)


def _show(context: TurnContext, pieces: Sequence[Piece]) -> Queue:
    return Queue(WrittenList(pieces), _running_item(context), context.queue_uid())


def _running_item(context: TurnContext) -> dict[str, Any]:
    running = next((entry for entry in context.turn.tx.running() if entry.item.lane == context.lane), None)
    return {} if running is None else {**running.item.shown(), "properties": {"time_start": running.time_start}}


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
