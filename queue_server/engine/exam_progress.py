"""How far an acquisition or a graph is, written into the exam task that it does, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from msgspec.structs import replace

from queue_server.protocol.acquisitions import OWN_FIELD_OF_VIEW
from queue_server.protocol.errors import ParameterError, StateError
from queue_server.protocol.exam_records import (
    AcquisitionFields,
    ExamItemState,
    ExamTask,
    RecordStatus,
    TaskItem,
)
from queue_server.protocol.items import ACQUISITION, DAG, Item, Result
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
_PROGRESS: Final[Mapping[ExamItemState, int]] = {"queued": 0, "held": 0, "dispatched": 0, "cancelled": 0, "done": 100}
"""What the states say by themselves; all others keep what was heard last."""
_ADVANCING: Final[Mapping[ExamItemState, ExamItemState]] = {
    "dispatched": "running",
    "acknowledged": "running",
    "running": "running",
    "uploading": "uploading",
    "failed": "failed",
    "unknown": "unknown",
}
"""What becomes of a state when progress is heard; that of other states has come too late to tell anything."""
_LINK: Final = "exam_task_id"
_CANCELLED: Final = "The item was cancelled: it was taken out of its queue."


def link(item: Item, task_id: str) -> Item:
    """Return an item as the one that does an exam task; its copies do it, too."""
    if item.kind != DAG:
        return item
    return replace(item, content={**item.content, "properties": {**_properties(item), _LINK: task_id}})


def keep_link(old: Item, new: Item) -> Item:
    """Return an item that takes the place of another one, with the exam task of that."""
    named = _properties(old).get(_LINK)
    return link(new, named) if isinstance(named, str) else new


def without_link(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties as a client may give them: only the manager says which exam task an item does."""
    return {name: value for name, value in properties.items() if name != _LINK}


def begin(tx: Transaction, item: Item, now: float) -> None:
    """Note that an item is queued or held; an acquisition without an exam task gets one, with its uid as the id.

    Raises:
        ParameterError: its exam task is not there, is a template, or is done by another kind of item.
        StateError: its exam task has an item that waits or is active.
    """
    named = _named(item)
    if named is None:
        if item.kind == ACQUISITION:
            tx.add_exam_record(_make_task(item, now))
        return
    task = tx.exam_record(ExamTask, named)
    wanted = "DAG" if item.kind == DAG else "ACQUISITION"
    if task is None or task.fields.is_template or task.fields.task_type != wanted:
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
    _write(tx, task, TaskItem(item.uid, _waiting(item)), now, progress=0)


def note(tx: Transaction, item: Item, state: ExamItemState, now: float, error: str | None = None) -> None:
    """Note how far an item is, if it does an exam task that is still there and its own."""
    task = find_task(tx, item, takes_over=state == "dispatched")
    if task is not None:
        _write(tx, task, TaskItem(item.uid, state), now, progress=_PROGRESS.get(state), error=error)


def find_task(tx: Transaction, item: Item, *, takes_over: bool = False) -> ExamTask | None:
    """Return the exam task that an item does, if it does one that is still there and its own.

    A copy takes the exam task over when it begins; until then that shows what has become of the item before.
    """
    identity = _task_id(item)
    task = None if identity is None else tx.exam_record(ExamTask, identity)
    is_its_own = task is not None and task.item is not None and task.item.uid == item.uid
    return task if is_its_own or takes_over else None


def note_waiting(tx: Transaction, item: Item, now: float) -> None:
    """Note that an item of the queue is held now, or is not any more."""
    note(tx, item, _waiting(item), now)


def note_replacement(tx: Transaction, old: Item, new: Item, now: float) -> None:
    """Note that an item of a queue has taken the place of another one, which may have done another exam task.

    Raises:
        ParameterError: as ``begin``.
        StateError: as ``begin``.
    """
    if _task_id(old) != _task_id(new):
        note_removal(tx, old, now)
        begin(tx, new, now)
        return
    task = find_task(tx, old)
    if task is not None:
        _write(tx, task, TaskItem(new.uid, _waiting(new)), now, progress=0)


def advance(tx: Transaction, item_uid: str, percent: int, now: float) -> None:
    """Note the progress that was heard of an item that is under way, or has just ended without success."""
    task = tx.exam_task_of(item_uid)
    state = None if task is None or task.item is None else _ADVANCING.get(task.item.state)
    if task is None or task.item is None or state is None:
        return
    if (task.item.state, task.fields.progress) != (state, percent):
        _write(tx, task, TaskItem(item_uid, state), now, progress=percent, error=task.error_message)


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
        id=item.submission, creator=creator, created=float(now), fields=fields, item=TaskItem(item.uid, _waiting(item))
    )


def _waiting(item: Item) -> ExamItemState:
    return "held" if item.state == "held" else "queued"


def _task_id(item: Item) -> str | None:
    """Return the exam task that an item does; an acquisition for which none was named does the one of its own."""
    return _named(item) or (item.submission if item.kind == ACQUISITION else None)


def _named(item: Item) -> str | None:
    if item.kind == ACQUISITION:
        return _kwargs(item).get("task_id")
    # What a graph is given by name is its own, so that the link stands elsewhere.
    named = _properties(item).get(_LINK) if item.kind == DAG else None
    return named if isinstance(named, str) else None


def _properties(item: Item) -> Mapping[str, Any]:
    found = item.content.get("properties")
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _kwargs(item: Item) -> Mapping[str, Any]:
    found = item.content.get("kwargs")
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}
