"""What is done to all items of a batch at once: cancelled, held, resumed, and tried once more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from queue_server.core import edits
from queue_server.core.edits import Edit
from queue_server.engine import exam_progress
from queue_server.handlers.batch_entries import Findings
from queue_server.handlers.batch_records import count_states, find_batch
from queue_server.handlers.context import TurnContext
from queue_server.handlers.items import insert_items
from queue_server.handlers.new_items import make_item, require_user
from queue_server.handlers.selection import places_of, release_lane
from queue_server.protocol.batches import Batch
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.exam_records import ExamItemState
from queue_server.protocol.items import ACQUISITION, DAG, Item
from queue_server.protocol.methods.batches import BatchChange, BatchEditParams, BatchHoldParams, BatchRetryParams
from queue_server.protocol.methods.items import PlaceParams
from queue_server.protocol.submissions import FollowedSubmission, StoredState, Submission, SubmissionFilter
from queue_server.protocol.workflows import fill

_log = logging.getLogger(__name__)

_LIVING: frozenset[StoredState] = frozenset(("queued", "held", "running"))
_FAILED: frozenset[StoredState] = frozenset(("failed", "aborted", "halted"))
_UNKNOWN: frozenset[StoredState] = frozenset(("unknown",))
_MOST_UIDS_SHOWN = 100


def cancel_batch(context: TurnContext, params: BatchEditParams) -> BatchChange:
    """Take whatever waits of a batch out of its queues."""
    batch = find_batch(context, params.batch_id)
    living = _find_living(context, batch)
    waiting = [item for item in living if item.state != "running"]
    for lane, items in _split(context, waiting):
        places = places_of(lane, items)
        context.turn.tx.remove([item.uid for item in items])
        _note_exams(lane, items, partial(exam_progress.note_removal, context.turn.tx))
        _record(lane, batch, edits.removed(items, places), items, -len(items))
        _release(lane, items)
    return _tell(context, batch, len(waiting), len(living) - len(waiting))


def hold_batch(context: TurnContext, params: BatchHoldParams) -> BatchChange:
    """Hold whatever is queued of a batch; what is held already keeps its reason."""
    batch = find_batch(context, params.batch_id)
    living = _find_living(context, batch)
    queued = [item for item in living if item.state == "queued"]
    for lane, items in _split(context, queued):
        _set_held(lane, batch, items, params.reason)
    return _tell(context, batch, len(queued), sum(item.state == "running" for item in living))


def resume_batch(context: TurnContext, params: BatchEditParams) -> BatchChange:
    """Release whatever is held of a batch."""
    batch = find_batch(context, params.batch_id)
    living = _find_living(context, batch)
    held = [item for item in living if item.state == "held"]
    for lane, items in _split(context, held):
        _set_held(lane, batch, items, None)
        _release(lane, items)
    return _tell(context, batch, len(held), sum(item.state == "running" for item in living))


def retry_batch(context: TurnContext, params: BatchRetryParams) -> BatchChange:
    """Put the items that have failed at the backs of their queues, all or none."""
    group_name = require_user(params.user, params.user_group)
    batch = find_batch(context, params.batch_id)
    states = _FAILED | _UNKNOWN if params.include_unknown else _FAILED
    findings = Findings()
    items: list[Item] = []
    for followed in _follow(context, batch, states):
        try:
            items.append(_repeat(context, followed, str(params.user), group_name))
        except ParameterError as error:
            findings.note(f"items[{followed.submission.ordinal}]", error)
    findings.refuse()
    parts = list(_split(context, items))
    for lane, part in parts:
        insert_items(lane, part, PlaceParams())
    for lane, part in parts:
        _record(lane, batch, edits.added(part), part, len(part))
    running = sum(item.state == "running" for item in _find_living(context, batch))
    return _tell(context, batch, len(items), running)


def _repeat(context: TurnContext, followed: FollowedSubmission, user: str, group_name: str) -> Item:
    """Return another item of a submission that has none in a queue."""
    tx, submission = context.turn.tx, followed.submission
    own = replace(context, lane=context.turn.state.lane(submission.lane).name)
    last = tx.item(followed.item_uid)
    content = dict(_restore(context, submission) if last is None else last.content)
    # What it has come after was completed before it began, and may have left the history since.
    content["after"] = [uid for uid in content.get("after", ()) if isinstance(uid, str) and tx.item(uid) is not None]
    if not content["after"]:
        del content["after"]
    return replace(make_item(own, content, user, group_name), submission=submission.uid)


def _restore(context: TurnContext, submission: Submission) -> Mapping[str, Any]:
    """Return what an item of a submission was of which nothing else is left."""
    kept = submission.content.get("item")
    if kept is not None:
        return kept
    identity = submission.workflow or ""
    workflow = context.turn.tx.workflow(identity, submission.version)
    if workflow is None:
        raise NotFoundError(f"There is no version {submission.version} of the workflow {identity!r} any more.")
    return fill(workflow.fields, submission.content.get("arguments", {}))[-1]


def _follow(context: TurnContext, batch: Batch, states: frozenset[StoredState]) -> Iterator[FollowedSubmission]:
    part = context.turn.tx.submissions(SubmissionFilter(batch=batch.id, states=states), limit=batch.size)
    return (followed for _, followed in part.entries)


def _find_living(context: TurnContext, batch: Batch) -> list[Item]:
    """Return the items of a batch that wait or run, those of earlier steps included."""
    items: list[Item] = []
    for followed in _follow(context, batch, _LIVING):
        for uid in (*followed.submission.content.get("steps", ()), followed.submission.uid):
            items += context.turn.tx.living(uid)
    return items


def _split(context: TurnContext, items: Iterable[Item]) -> Iterator[tuple[TurnContext, list[Item]]]:
    parts: dict[str, list[Item]] = {}
    for item in items:
        parts.setdefault(item.lane, []).append(item)
    return ((replace(context, lane=lane), part) for lane, part in parts.items())


def _set_held(lane: TurnContext, batch: Batch, items: Sequence[Item], reason: str | None) -> None:
    lane.turn.tx.set_all_held([item.uid for item in items], reason)
    # Before what follows from the edit: a released item may begin at once.
    state: ExamItemState = "queued" if reason is None else "held"
    _note_exams(lane, items, lambda item, now: exam_progress.note(lane.turn.tx, item, state, now))
    _record(lane, batch, edits.replaced_all(items), items, 0, reason or "")


def _note_exams(lane: TurnContext, items: Iterable[Item], note: Callable[[Item, float], None]) -> None:
    for item in items:
        if item.kind in (ACQUISITION, DAG):
            note(item, lane.turn.now)


def _record(lane: TurnContext, batch: Batch, edit: Edit, items: Sequence[Item], added: int, reason: str = "") -> None:
    uids = [item.uid for item in items[:_MOST_UIDS_SHOWN]]
    if reason:
        lane.edit(edit, added, batch_id=batch.id, items=len(items), item_uids=uids, reason=reason)
    else:
        lane.edit(edit, added, batch_id=batch.id, items=len(items), item_uids=uids)


def _release(lane: TurnContext, items: Iterable[Item]) -> None:
    """Open the lane if its head was held and is not any more."""
    held = next((item for item in items if item.state == "held"), None)
    if held is not None:
        release_lane(lane, held)


def _tell(context: TurnContext, batch: Batch, changed: int, running: int) -> BatchChange:
    method = context.method
    context.turn.remarks.append(
        lambda: _log.info("%s: batch_id=%s changed=%d running=%d", method, batch.id, changed, running)
    )
    return BatchChange(batch.shown(count_states(context, batch)), changed, running)
