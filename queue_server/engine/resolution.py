"""What becomes of an item with an unknown outcome once it is known how it ended."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from msgspec import Struct, field

from queue_server.core.events import HistoryChanged, HoldReleased, QueueChanged
from queue_server.engine import exam_progress
from queue_server.engine.turn import Turn
from queue_server.protocol.errors import NotFoundError, StateError
from queue_server.protocol.items import Item, Origin


class Finding(Struct, frozen=True):
    """How an item has ended, who says so, and why."""

    outcome: Literal["completed", "failed"]
    by: str
    reason: str


class Resolved(Struct, frozen=True):
    """The finished item as it is now, and the uid of the held copy that was withdrawn, if there was one."""

    item: dict[str, Any] = field(default_factory=dict[str, Any])
    withdrawn_uid: str | None = None


def resolve(turn: Turn, uid: str, finding: Finding, origin: Origin) -> Resolved:
    """Write how an item has ended; if it was completed, withdraw its held copy and let the lane go on.

    Raises:
        NotFoundError: there is no finished item of that uid.
        StateError: its outcome is not unknown.
    """
    entry = turn.tx.history_entry(uid)
    if entry is None:
        raise NotFoundError(f"There is no finished item {uid!r}.")
    was, item = entry.result.get("exit_status"), entry.item
    if was != "unknown":
        raise StateError(f"The item {uid!r} ended as {was!r}. Only an unknown outcome can be resolved.")
    resolution = {"by": finding.by, "time": turn.now, "reason": finding.reason}
    result = {**entry.result, "exit_status": finding.outcome, "resolution": resolution}
    turn.tx.change_result(uid, result)
    turn.tx.change_outcome(item.submission, uid, finding.outcome)
    exam_progress.note(turn.tx, item, "done" if finding.outcome == "completed" else "failed", turn.now, finding.reason)
    data = {"item_uid": uid, "outcome": finding.outcome, "by": finding.by, "reason": finding.reason}
    # Before what follows from the change: an item that comes after it begins.
    record = partial(turn.record, "item_resolved", lane=item.lane, origin=origin, data=data)
    turn.apply(HistoryChanged(0), then=record)
    withdrawn = _withdraw_copy(turn, item, origin) if finding.outcome == "completed" else None
    return Resolved({**item.shown(), "result": result}, withdrawn)


def _withdraw_copy(turn: Turn, item: Item, origin: Origin) -> str | None:
    """Take the held copy of an item out of the queue if it still stands at its front; return its uid."""
    copy = turn.tx.item_at(item.lane, 0)
    if copy is None or copy.state != "held" or copy.submission != item.submission:
        return None
    turn.tx.remove([copy.uid])
    data = {"item_uid": copy.uid, "name": copy.name}
    record = partial(turn.record, "copy_withdrawn", lane=item.lane, origin=origin, data=data)
    turn.apply(QueueChanged(item.lane, -1), then=record)
    head = turn.tx.item_at(item.lane, 0)
    if head is None or head.state != "held":
        turn.apply(HoldReleased(item.lane))
    return copy.uid
