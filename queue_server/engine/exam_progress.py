"""How far an acquisition is, written into the exam task that it does, in the transaction in which that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from queue_server.protocol.acquisitions import OWN_FIELD_OF_VIEW
from queue_server.protocol.errors import ParameterError, StateError
from queue_server.protocol.exam_records import (
    AcquisitionFields,
    ExamItemState,
    ExamTask,
    RecordStatus,
    TaskItem,
)
from queue_server.protocol.items import ACQUISITION, Item, Result
from queue_server.storage.base import Transaction

INLINE: Final = "inline"
"""The sequence of an exam task whose acquisition brought its own."""

_STATUSES: Final[Mapping[ExamItemState, RecordStatus]] = {
    "queued": "STARTED",
    "held": "STARTED",
    "dispatched": "STARTED",
    "acknowledged": "STARTED",
    "running": "INPROGRESS",
    "uploading": "INPROGRESS",
    "done": "FINISHED",
    "failed": "ERROR",
    "unknown": "ERROR",
    "cancelled": "ERROR",
}
_CANCELLED: Final = "The item was cancelled: it was taken out of its queue."


def begin(tx: Transaction, item: Item, now: float) -> None:
    """Note that an acquisition is queued; without an exam task it gets one of its own, with the uid as its id.

    Raises:
        ParameterError: its exam task is not there, is a template, or no scan.
        StateError: its exam task has an item that waits or is active.
    """
    named = _kwargs(item).get("task_id")
    if named is None:
        tx.add_exam_record(_make_task(item, now))
        return
    task = tx.exam_record(ExamTask, named)
    if task is None or task.fields.is_template or not isinstance(task.fields, AcquisitionFields):
        raise ParameterError(
            f"'item.kwargs.task_id': there is no exam task {named!r} that is a scan and no template.",
            field="item.kwargs.task_id",
            details={"missing": named},
        )
    if task.is_owned:
        raise StateError(
            f"The exam task {named!r} is under way already: its item waits or is active.",
            details={"item_uid": task.item.uid if task.item else None},
        )
    _write(tx, task, TaskItem(item.uid, "queued"), now, progress=0)


def note(tx: Transaction, item: Item, state: ExamItemState, now: float, error: str | None = None) -> None:
    """Note how far an item is, if it is an acquisition and its exam task is still there and its own."""
    if item.kind != ACQUISITION:
        return
    task = tx.exam_record(ExamTask, _kwargs(item).get("task_id") or item.submission)
    # A copy takes the exam task over when it begins; until then that shows what has become of the item before.
    if task is None or (state != "dispatched" and (task.item is None or task.item.uid != item.uid)):
        return
    progress = {"dispatched": 0, "done": 100}.get(state)
    _write(tx, task, TaskItem(item.uid, state), now, progress=progress, error=error)


def note_end(tx: Transaction, item: Item, result: Result, now: float) -> None:
    """Note how an attempt at an item has ended."""
    if result.outcome == "completed":
        note(tx, item, "done", now)
    elif result.outcome == "unknown":
        note(tx, item, "unknown", now, f"The outcome is unknown: {result.message}")
    else:
        note(tx, item, "failed", now, result.message or result.outcome)


def note_removal(tx: Transaction, item: Item, now: float) -> None:
    """Note that an item was taken out of its queue."""
    note(tx, item, "cancelled", now, _CANCELLED)


def _write(
    tx: Transaction, task: ExamTask, item: TaskItem, now: float, *, progress: int | None, error: str | None = None
) -> None:
    changes: dict[str, Any] = {"status": _STATUSES[item.state]}
    if progress is not None:
        changes["progress"] = progress
    fields = task.fields.model_copy(update=changes)
    changed = replace(task, fields=fields, item=item, error_message=error, version=task.version + 1, updated=float(now))
    tx.change_exam_record(changed)


def _make_task(item: Item, now: float) -> ExamTask:
    kwargs = _kwargs(item)
    fields = AcquisitionFields.model_validate(
        {
            "name": item.name,
            "task_type": "ACQUISITION",
            "status": "STARTED",
            # Only lanes of devices take acquisitions, and are named by them.
            "device_id": item.lane,
            "sequence_id": kwargs.get("sequence_id") or INLINE,
            "acquisition_parameter": kwargs.get("acquisition_parameter") or OWN_FIELD_OF_VIEW,
            "acquisition_limits": kwargs.get("acquisition_limits"),
            "calibration": kwargs.get("calibration", []),
            "description": kwargs.get("description", ""),
            "destination": kwargs.get("destination", ""),
        }
    )
    creator = str(item.content.get("user", ""))
    return ExamTask(
        id=item.submission, creator=creator, created=float(now), fields=fields, item=TaskItem(item.uid, "queued")
    )


def _kwargs(item: Item) -> Mapping[str, Any]:
    found = item.content.get("kwargs")
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}
