"""Handlers of the methods about the workflows of exams."""

from __future__ import annotations

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
    refuse_new,
    remove,
    sign,
)
from queue_server.handlers.exam_trees import copy_template, read_template, show, show_page
from queue_server.handlers.group import group
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.exam_fields import read_fields
from queue_server.protocol.exam_records import Exam, Workflow, WorkflowFields
from queue_server.protocol.method import Done
from queue_server.protocol.methods.exam_workflows import (
    WorkflowAddParams,
    WorkflowCopyParams,
    WorkflowGetParams,
    WorkflowListParams,
    WorkflowPage,
    WorkflowRemoveParams,
    WorkflowReply,
    WorkflowUpdateParams,
)

_EXAM_ID = "workflow.exam_id"


def add_workflow(context: TurnContext, params: WorkflowAddParams) -> WorkflowReply:
    """Add a workflow or a template."""
    fields = read_fields(WorkflowFields, params.workflow, "workflow")
    check_new(fields, "workflow")
    check_parent(context, fields, _EXAM_ID, Exam)
    return WorkflowReply(add(context, Workflow(**sign(context), fields=fields)).shown())


def copy_workflow(context: TurnContext, params: WorkflowCopyParams) -> WorkflowReply:
    """Add a workflow with the exam tasks of a template."""
    template = find_template(context, Workflow, params.template_id)
    values = template.fields.plain() | {"status": "NEW", "is_template": False, "exam_id": None}
    fields = read_fields(WorkflowFields, values | (params.workflow or {}), "workflow")
    check_new(fields, "workflow")
    check_parent(context, fields, _EXAM_ID, Exam)
    found = read_template(context, template)
    workflow = Workflow(**sign(context), fields=fields)
    _, tasks = copy_template(found, workflow, context.turn.chance.identifier)
    add(context, workflow, template_id=template.id, tasks=len(tasks))
    for task in tasks:
        context.turn.tx.add_exam_record(task)
    return WorkflowReply(workflow.shown())


def get_workflow(context: TurnContext, params: WorkflowGetParams) -> WorkflowReply:
    """Return a workflow."""
    return WorkflowReply(show(context, find_record(context, Workflow, params.workflow_id), tree=params.tree))


def list_workflows(context: TurnContext, params: WorkflowListParams) -> WorkflowPage:
    """Return a page of workflows: of an exam, all templates, or all others."""
    if params.exam_id is not None and params.templates:
        raise ParameterError("Give 'exam_id' or 'templates', not both.", field="templates")
    of = None if params.exam_id is None else find_record(context, Exam, params.exam_id).id
    return WorkflowPage(
        *show_page(
            context,
            Workflow,
            of=of,
            templates=params.templates,
            limit=params.limit,
            cursor=params.cursor,
            tree=params.tree,
        )
    )


def update_workflow(context: TurnContext, params: WorkflowUpdateParams) -> WorkflowReply:
    """Change fields of a workflow."""
    workflow = find_record(context, Workflow, params.workflow_id)
    check_version(workflow, params.if_version)
    refuse_new(params.workflow, "workflow")
    fields = read_fields(WorkflowFields, merge(workflow, params.workflow, "workflow"), "workflow")
    check_parent(context, fields, _EXAM_ID, Exam)
    return WorkflowReply(show(context, change(context, workflow, fields)))


def remove_workflow(context: TurnContext, params: WorkflowRemoveParams) -> Done:
    """Remove a workflow with everything that belongs to it."""
    return remove(context, Workflow, params.workflow_id, params.if_version)


GROUP = group(
    turn={
        "exam_workflow_add": add_workflow,
        "exam_workflow_copy": copy_workflow,
        "exam_workflow_get": get_workflow,
        "exam_workflow_list": list_workflows,
        "exam_workflow_update": update_workflow,
        "exam_workflow_remove": remove_workflow,
    }
)
