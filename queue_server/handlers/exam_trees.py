"""Exam records with what belongs to them: shown in one reply, and copied from templates. It changes no record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from queue_server.handlers.context import TurnContext
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.exam_records import (
    MOST_TREE_RECORDS,
    DagFields,
    Exam,
    ExamRecord,
    ExamTask,
    R,
    RecordStatus,
    ResultRecord,
    Workflow,
    derive_status,
)


class TooManyRecordsError(RefusedError):
    """More records belong together than one reply shows, or one request copies."""

    code = "refused"


def show(context: TurnContext, record: ExamRecord, *, tree: bool = False) -> dict[str, Any]:
    """Return the map that clients see, with what belongs to the record if ``tree``.

    Raises:
        TooManyRecordsError: that is more than one reply shows.
    """
    return _Shower(context).show(record) if tree else _show_alone(context, record)


def _show_alone(context: TurnContext, record: ExamRecord) -> dict[str, Any]:
    shown = record.shown()
    if isinstance(record, (Exam, Workflow)):
        states = context.turn.tx.exam_task_states(type(record), record.id)
        shown["status"] = derive_status(record.fields.status, [status for status, _ in states])
    return shown


def show_page(
    context: TurnContext, kind: type[R], *, limit: int, cursor: str | None, tree: bool = False, **which: Any
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of records as clients see them, and the cursor of the next page if there is one.

    Raises:
        TooManyRecordsError: more belongs to its first record than one reply shows.
        ParameterError: no page has given that cursor.
    """
    part = context.turn.tx.exam_records(kind, limit=limit, cursor=cursor, **which)
    shower, page, reached = _Shower(context), list[dict[str, Any]](), cursor
    for behind, record in part.entries:
        try:
            page.append(shower.show(record) if tree else _show_alone(context, record))
        except TooManyRecordsError:
            if not page:
                raise
            return page, reached
        reached = behind
    return page, reached if part.has_more else None


class _Shower:
    """Shows trees, as many records as one reply may have."""

    def __init__(self, context: TurnContext) -> None:
        self._context = context
        self._left = MOST_TREE_RECORDS

    def show(self, record: ExamRecord) -> dict[str, Any]:
        """Return a record with what belongs to it."""
        return self._show(record)[0]

    def _show(self, record: ExamRecord) -> tuple[dict[str, Any], list[RecordStatus]]:
        """Return a record as it is shown, and the status of each exam task in it."""
        self._left -= 1
        shown = record.shown()
        if isinstance(record, ExamTask):
            shown["results"] = [each.shown() for each in self._below(ResultRecord, record.id)]
            self._left -= len(shown["results"])
            return shown, [record.fields.status]
        if not isinstance(record, (Exam, Workflow)):
            return shown, []
        below = self._below(Workflow if isinstance(record, Exam) else ExamTask, record.id)
        parts = [self._show(each) for each in below]
        statuses: list[RecordStatus] = [status for _, found in parts for status in found]
        shown["status"] = derive_status(record.fields.status, statuses)
        shown["workflows" if isinstance(record, Exam) else "tasks"] = [part for part, _ in parts]
        return shown, statuses

    def _below(self, kind: type[R], identity: str) -> list[R]:
        return read_below(self._context, kind, identity, self._left)


def read_below(context: TurnContext, kind: type[R], identity: str, most: int) -> list[R]:
    """Return the records that belong to another one, in order.

    Raises:
        TooManyRecordsError: there are more than ``most``.
    """
    part = context.turn.tx.exam_records(kind, of=identity, limit=max(most, 1))
    if part.has_more or len(part.entries) > most:
        raise TooManyRecordsError(
            f"More than {MOST_TREE_RECORDS} records belong together: read them in parts, without 'tree' and with the "
            "lists of workflows, exam tasks and results.",
            details={"most": MOST_TREE_RECORDS},
        )
    return [record for _, record in part.entries]


# --- copies ------------------------------------------------------------------------------------------------------


class Template(Struct, frozen=True):
    """Workflows of a template in order, each with its exam tasks in order."""

    workflows: tuple[tuple[Workflow, tuple[ExamTask, ...]], ...]


def read_template(context: TurnContext, record: Exam | Workflow) -> Template:
    """Return the workflows of a template, or the one that it is itself.

    Raises:
        TooManyRecordsError: it is more than one request copies.
    """
    left = MOST_TREE_RECORDS - 1
    workflows = read_below(context, Workflow, record.id, left) if isinstance(record, Exam) else [record]
    left -= len(workflows)
    found: list[tuple[Workflow, tuple[ExamTask, ...]]] = []
    for workflow in workflows:
        tasks = read_below(context, ExamTask, workflow.id, left)
        left -= len(tasks)
        found.append((workflow, tuple(tasks)))
    return Template(tuple(found))


def copy_template(
    template: Template, parent: Exam | Workflow, identifier: Callable[[], str]
) -> tuple[list[Workflow], list[ExamTask]]:
    """Return copies of the workflows and exam tasks of a template, with ids of their own and as new.

    They belong to ``parent``, who has signed them and is the copy of the exam, or of the only workflow. Inputs that
    are not copied as well are left out.
    """
    tasks = [task for _, each in template.workflows for task in each]
    ids = {task.id: identifier() for task in tasks}
    workflows: list[Workflow] = []
    copies: list[ExamTask] = []
    for workflow, belonging in template.workflows:
        if isinstance(parent, Exam):
            new = {"exam_id": parent.id, "is_template": parent.fields.is_template, "status": "NEW"}
            owner = Workflow(**_sign(parent, identifier()), fields=workflow.fields.model_copy(update=new))
            workflows.append(owner)
        else:
            owner = parent
        copies += [copy_task(task, _sign(parent, ids[task.id]), owner, ids) for task in belonging]
    return workflows, copies


def copy_task(task: ExamTask, signed: Mapping[str, Any], owner: Workflow, ids: Mapping[str, str]) -> ExamTask:
    """Return a copy of an exam task as new, in a workflow; ``ids`` has the ids of copies by those of originals."""
    new: dict[str, Any] = {
        "workflow_id": owner.id,
        "is_template": owner.fields.is_template,
        "status": "NEW",
        "progress": 0,
    }
    if isinstance(task.fields, DagFields):
        new["input_task_ids"] = [ids[each] for each in task.fields.input_task_ids if each in ids]
    return replace(
        task,
        fields=task.fields.model_copy(update=new),
        item=None,
        error_message=None,
        updated=None,
        version=1,
        **signed,
    )


def _sign(parent: Exam | Workflow, identity: str) -> dict[str, Any]:
    return {"id": identity, "creator": parent.creator, "created": parent.created}
