"""Declarations about the workflows of exams, and templates of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.exam_fields import explain_fields
from queue_server.protocol.exam_records import WorkflowFields
from queue_server.protocol.method import Method, Params
from queue_server.protocol.methods.exams import (
    CURSOR,
    EDIT_NOTE,
    EXAMPLE_ID,
    LIMIT,
    STATUS_NOTE,
    TREE,
    VERSION,
    ExamEditParams,
)

_WORKFLOW = Field(max_length=128, description="Id of the workflow.")


class WorkflowAddParams(ExamEditParams):
    """The new workflow."""

    workflow: dict[str, Any] = Field(description="The fields of the workflow.")


class WorkflowCopyParams(ExamEditParams):
    """The template, and what is to be different from it."""

    template_id: str = Field(max_length=128, description="Id of the workflow that is a template.")
    workflow: dict[str, Any] | None = Field(
        default=None, description="Fields that differ from those of the template, such as exam_id."
    )


class WorkflowGetParams(Params):
    """Which workflow, and how much of it."""

    workflow_id: str = _WORKFLOW
    tree: bool = Field(default=True, description=TREE)


class WorkflowListParams(Params):
    """Which workflows."""

    exam_id: str | None = Field(default=None, max_length=128, description="Only those of this exam.")
    templates: bool = Field(default=False, description="True: only templates; false: only others.")
    tree: bool = Field(default=False, description=TREE)
    limit: int = LIMIT
    cursor: str | None = CURSOR


class WorkflowUpdateParams(ExamEditParams):
    """Which workflow, and what changes."""

    workflow_id: str = _WORKFLOW
    workflow: dict[str, Any] = Field(description="The fields that change.")
    if_version: int | None = VERSION


class WorkflowRemoveParams(ExamEditParams):
    """Which workflow."""

    workflow_id: str = _WORKFLOW
    if_version: int | None = VERSION


@dataclass(frozen=True, slots=True)
class WorkflowReply:
    """The workflow; ``exam_workflow_get`` shows it with its ``tasks``."""

    workflow: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """Workflows in the order in which they were made, and the cursor of the next page, if there is one."""

    workflows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    next_cursor: str | None = None


METHODS = (
    Method(
        name="exam_workflow_add",
        summary="Add a workflow to an exam, or a template of one.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/workflows"),
        params=WorkflowAddParams,
        result=WorkflowReply,
        refusal="Failed to add a workflow: ",
        notes=f"{explain_fields('workflow', WorkflowFields)} The status of a new workflow is NEW. It belongs to an "
        "exam; a template belongs to an exam that is a template, or stands alone.",
        example={"workflow": {"exam_id": EXAMPLE_ID, "name": "overview"}},
    ),
    Method(
        name="exam_workflow_copy",
        summary="Add a workflow with the exam tasks of a template.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/workflows:copy"),
        params=WorkflowCopyParams,
        result=WorkflowReply,
        refusal="Failed to copy the workflow: ",
        notes="As `exam_copy`. `input_task_ids` that name exam tasks of other workflows are left out. The reply has "
        "the workflow alone.",
        example={"template_id": EXAMPLE_ID, "workflow": {"exam_id": EXAMPLE_ID}},
    ),
    Method(
        name="exam_workflow_get",
        summary="Return a workflow.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exams/workflow"),
        params=WorkflowGetParams,
        result=WorkflowReply,
        refusal="Failed to get the workflow: ",
        notes=f"What belongs to it is shown with it unless `tree` is false. {STATUS_NOTE}",
        example={"workflow_id": EXAMPLE_ID},
    ),
    Method(
        name="exam_workflow_list",
        summary="Return a page of workflows, or of templates.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exams/workflows"),
        params=WorkflowListParams,
        result=WorkflowPage,
        refusal="Failed to list workflows: ",
        notes="With `tree`, a page may be short although there is a next one.",
        example={"exam_id": EXAMPLE_ID},
    ),
    Method(
        name="exam_workflow_update",
        summary="Change a workflow.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/workflow:update"),
        params=WorkflowUpdateParams,
        result=WorkflowReply,
        refusal="Failed to change the workflow: ",
        notes=f"{EDIT_NOTE} It cannot become NEW again. With another `exam_id` it moves there.",
        example={"workflow_id": EXAMPLE_ID, "workflow": {"status": "FINISHED"}},
    ),
    Method(
        name="exam_workflow_remove",
        summary="Remove a workflow with its exam tasks and results.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/workflow:remove"),
        params=WorkflowRemoveParams,
        refusal="Failed to remove the workflow: ",
        notes="Refused while an item of one of its exam tasks waits or is active.",
        example={"workflow_id": EXAMPLE_ID},
    ),
)
