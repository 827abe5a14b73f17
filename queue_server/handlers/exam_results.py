"""Handlers of the methods about the results of exam tasks."""

from __future__ import annotations

from queue_server.handlers.context import TurnContext
from queue_server.handlers.exam_changes import add, change, check_version, find_record, merge, remove, sign
from queue_server.handlers.exam_trees import show_page
from queue_server.handlers.group import group
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.exam_fields import read_fields
from queue_server.protocol.exam_records import ExamTask, ResultFields, ResultRecord
from queue_server.protocol.method import Done
from queue_server.protocol.methods.exam_results import (
    ExamResultAddParams,
    ExamResultGetParams,
    ExamResultListParams,
    ExamResultPage,
    ExamResultRemoveParams,
    ExamResultReply,
    ExamResultUpdateParams,
)


def add_result(context: TurnContext, params: ExamResultAddParams) -> ExamResultReply:
    """Add a result to an exam task that is no template."""
    task = find_record(context, ExamTask, params.task_id)
    if task.fields.is_template:
        raise ParameterError(f"The exam task {task.id} is a template, and has no results.", field="task_id")
    given = params.result or {}
    if given.get("task_id", task.id) != task.id:
        raise ParameterError("'result.task_id' differs from 'task_id'; leave it out.", field="result.task_id")
    fields = read_fields(ResultFields, given | {"task_id": task.id}, "result")
    return ExamResultReply(add(context, ResultRecord(**sign(context), fields=fields), task_id=task.id).shown())


def get_result(context: TurnContext, params: ExamResultGetParams) -> ExamResultReply:
    """Return a result."""
    return ExamResultReply(find_record(context, ResultRecord, params.result_id).shown())


def list_results(context: TurnContext, params: ExamResultListParams) -> ExamResultPage:
    """Return a page of the results of an exam task."""
    of = find_record(context, ExamTask, params.task_id).id
    return ExamResultPage(*show_page(context, ResultRecord, of=of, limit=params.limit, cursor=params.cursor))


def update_result(context: TurnContext, params: ExamResultUpdateParams) -> ExamResultReply:
    """Change fields of a result."""
    result = find_record(context, ResultRecord, params.result_id)
    check_version(result, params.if_version)
    fields = read_fields(ResultFields, merge(result, params.result, "result"), "result")
    return ExamResultReply(change(context, result, fields).shown())


def remove_result(context: TurnContext, params: ExamResultRemoveParams) -> Done:
    """Remove a result."""
    return remove(context, ResultRecord, params.result_id, params.if_version)


GROUP = group(
    turn={
        "exam_result_add": add_result,
        "exam_result_get": get_result,
        "exam_result_list": list_results,
        "exam_result_update": update_result,
        "exam_result_remove": remove_result,
    }
)
