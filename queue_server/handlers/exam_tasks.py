"""Handlers of the methods about exam tasks."""

from __future__ import annotations

from typing import Any

from queue_server.handlers.context import TurnContext
from queue_server.handlers.exam_changes import (
    add,
    change,
    check_new,
    check_parent,
    check_version,
    find_record,
    find_template,
    merge,
    remove,
    renew,
    sign,
    tell,
)
from queue_server.handlers.exam_trees import read_below, show, show_page
from queue_server.handlers.group import group
from queue_server.protocol.errors import NotFoundError, ParameterError, StateError
from queue_server.protocol.exam_fields import read_exam_task
from queue_server.protocol.exam_records import (
    MOST_TREE_RECORDS,
    AcquisitionFields,
    DagFields,
    ExamTask,
    Workflow,
)
from queue_server.protocol.method import Done
from queue_server.protocol.methods.exam_tasks import (
    ExamTaskAddParams,
    ExamTaskCopyParams,
    ExamTaskGetParams,
    ExamTaskListParams,
    ExamTaskOrder,
    ExamTaskPage,
    ExamTaskRemoveParams,
    ExamTaskReorderParams,
    ExamTaskReply,
    ExamTaskUpdateParams,
)

TaskFields = AcquisitionFields | DagFields

_WORKFLOW_ID = "task.workflow_id"
_INPUTS = "task.input_task_ids"


def add_task(context: TurnContext, params: ExamTaskAddParams) -> ExamTaskReply:
    """Add an exam task or a template."""
    fields = _read_new(context, params.task)
    return ExamTaskReply(add(context, ExamTask(**sign(context), fields=fields)).shown())


def copy_task(context: TurnContext, params: ExamTaskCopyParams) -> ExamTaskReply:
    """Add an exam task that is a copy of a template."""
    template = find_template(context, ExamTask, params.template_id)
    changes = params.task or {}
    values = template.fields.plain() | {"status": "NEW", "progress": 0, "is_template": False, "workflow_id": None}
    if isinstance(template.fields, DagFields) and not changes.get("is_template"):
        # They are templates, and would be mixed with what is none.
        values["input_task_ids"] = []
    merge(template, {name: changes[name] for name in ("task_type",) if name in changes}, "task")
    fields = _read_new(context, values | changes)
    return ExamTaskReply(add(context, ExamTask(**sign(context), fields=fields), template_id=template.id).shown())


def get_task(context: TurnContext, params: ExamTaskGetParams) -> ExamTaskReply:
    """Return an exam task."""
    return ExamTaskReply(show(context, find_record(context, ExamTask, params.task_id), tree=params.tree))


def list_tasks(context: TurnContext, params: ExamTaskListParams) -> ExamTaskPage:
    """Return a page of exam tasks: of a workflow, all templates, or all others."""
    if params.workflow_id is not None and params.templates:
        raise ParameterError("Give 'workflow_id' or 'templates', not both.", field="templates")
    of = None if params.workflow_id is None else find_record(context, Workflow, params.workflow_id).id
    return ExamTaskPage(
        *show_page(
            context,
            ExamTask,
            of=of,
            templates=params.templates,
            limit=params.limit,
            cursor=params.cursor,
            tree=params.tree,
        )
    )


def update_task(context: TurnContext, params: ExamTaskUpdateParams) -> ExamTaskReply:
    """Change fields of an exam task; those that the queue owns stay."""
    task = find_record(context, ExamTask, params.task_id)
    check_version(task, params.if_version)
    fields = read_exam_task(merge(task, params.task, "task"), "task")
    before = task.fields
    if task.is_owned and (fields.status, fields.progress) != (before.status, before.progress):
        raise StateError(
            f"The queue owns status and progress of the exam task {task.id} as long as its item waits or is active.",
            details={"item_uid": task.item.uid if task.item else None},
        )
    if fields.workflow_id is not None or task.item is None:
        check_parent(context, fields, _WORKFLOW_ID, Workflow)
    _check_inputs(context, fields, task)
    return ExamTaskReply(change(context, task, fields).shown())


def remove_task(context: TurnContext, params: ExamTaskRemoveParams) -> Done:
    """Remove an exam task with its results."""
    return remove(context, ExamTask, params.task_id, params.if_version)


def reorder_tasks(context: TurnContext, params: ExamTaskReorderParams) -> ExamTaskOrder:
    """Put exam tasks of a workflow in front in the given order; the others follow in theirs."""
    if not 1 <= len(params.task_ids) <= MOST_TREE_RECORDS:
        raise ParameterError(f"'task_ids' must have 1 to {MOST_TREE_RECORDS} ids.", field="task_ids")
    named = [_named(context, identity) for identity in params.task_ids]
    ids = [task.id for task in named]
    workflows = {task.fields.workflow_id for task in named}
    if len(set(ids)) < len(ids):
        raise ParameterError("'task_ids' has an exam task more than once.", field="task_ids")
    workflow_id = workflows.pop()
    if workflows or workflow_id is None:
        raise ParameterError("'task_ids' must be exam tasks of one workflow.", field="task_ids")
    others = [task for task in read_below(context, ExamTask, workflow_id, MOST_TREE_RECORDS) if task.id not in ids]
    has_changed = False
    for position, task in enumerate((*named, *others)):
        if task.fields.position != position:
            renew(context, task, task.fields.model_copy(update={"position": position}))
            has_changed = True
    if has_changed:
        tell(context, find_record(context, Workflow, workflow_id), task_ids=ids)
    return ExamTaskOrder([*ids, *(task.id for task in others)])


def _named(context: TurnContext, identity: str) -> ExamTask:
    try:
        return find_record(context, ExamTask, identity)
    except NotFoundError as error:
        message = f"'task_ids': {error.message}"
        raise ParameterError(message, field="task_ids", details={"missing": identity}) from error


def _read_new(context: TurnContext, values: dict[str, Any]) -> TaskFields:
    fields = read_exam_task(values, "task")
    check_new(fields, "task")
    check_parent(context, fields, _WORKFLOW_ID, Workflow)
    _check_inputs(context, fields)
    return fields


def _check_inputs(context: TurnContext, fields: TaskFields, present: ExamTask | None = None) -> None:
    """Refuse inputs that are not there or of the other sort, that are named twice, or that wait for the exam task.

    Inputs that it had before may have gone since; whoever starts it is told.
    """
    if not isinstance(fields, DagFields):
        return
    inputs = fields.input_task_ids
    if len(set(inputs)) < len(inputs):
        raise ParameterError(f"'{_INPUTS}' has an exam task more than once.", field=_INPUTS)
    known = set(present.fields.input_task_ids) if present and isinstance(present.fields, DagFields) else set[str]()
    for identity in set(inputs) - known:
        found = context.turn.tx.exam_record(ExamTask, identity)
        if found is None:
            message = f"'{_INPUTS}': there is no exam task {identity!r}."
            raise ParameterError(message, field=_INPUTS, details={"missing": identity})
        if found.fields.is_template != fields.is_template:
            message = f"'{_INPUTS}': templates and instances do not mix, which {identity!r} would do."
            raise ParameterError(message, field=_INPUTS)
    if present is not None and set(inputs) - known and _reaches(context, inputs, present.id):
        raise ParameterError(f"'{_INPUTS}': the exam task would wait for itself.", field=_INPUTS)


def _reaches(context: TurnContext, inputs: list[str], wanted: str) -> bool:
    """Whether an exam task is among the inputs, their inputs, and so on."""
    seen, level = set[str](), set(inputs)
    while level:
        if wanted in level:
            return True
        seen |= level
        if len(seen) > MOST_TREE_RECORDS:
            raise ParameterError(
                f"'{_INPUTS}': more than {MOST_TREE_RECORDS} exam tasks depend on each other.", field=_INPUTS
            )
        found = [context.turn.tx.exam_record(ExamTask, each) for each in level]
        dags = [task.fields for task in found if task is not None and isinstance(task.fields, DagFields)]
        level = {each for dag in dags for each in dag.input_task_ids} - seen
    return False


GROUP = group(
    turn={
        "exam_task_add": add_task,
        "exam_task_copy": copy_task,
        "exam_task_get": get_task,
        "exam_task_list": list_tasks,
        "exam_task_update": update_task,
        "exam_task_remove": remove_task,
        "exam_task_reorder": reorder_tasks,
    }
)
