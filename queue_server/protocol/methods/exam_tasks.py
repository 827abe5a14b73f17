"""Declarations about exam tasks, scans and processing, and templates of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.exam_fields import explain_fields
from queue_server.protocol.exam_records import MOST_TREE_RECORDS, AcquisitionFields, DagFields
from queue_server.protocol.method import Method, Params
from queue_server.protocol.methods.exams import CURSOR, EDIT_NOTE, EXAMPLE_ID, LIMIT, TREE, VERSION, ExamEditParams

_TASK = Field(max_length=128, description="Id of the exam task, or uid of the item that does it.")


class ExamTaskAddParams(ExamEditParams):
    """The new exam task."""

    task: dict[str, Any] = Field(description="The fields of the exam task.")


class ExamTaskCopyParams(ExamEditParams):
    """The template, and what is to be different from it."""

    template_id: str = Field(max_length=128, description="Id of the exam task that is a template.")
    task: dict[str, Any] | None = Field(
        default=None,
        description="Fields that differ from those of the template, such as workflow_id.",
    )


class ExamTaskGetParams(Params):
    """Which exam task, and how much of it."""

    task_id: str = _TASK
    tree: bool = Field(default=True, description=TREE)


class ExamTaskListParams(Params):
    """Which exam tasks."""

    workflow_id: str | None = Field(default=None, max_length=128, description="Only those of this workflow.")
    templates: bool = Field(default=False, description="True: only templates; false: only others.")
    tree: bool = Field(default=False, description=TREE)
    limit: int = LIMIT
    cursor: str | None = CURSOR


class ExamTaskUpdateParams(ExamEditParams):
    """Which exam task, and what changes."""

    task_id: str = _TASK
    task: dict[str, Any] = Field(description="The fields that change.")
    if_version: int | None = VERSION


class ExamTaskRemoveParams(ExamEditParams):
    """Which exam task."""

    task_id: str = _TASK
    if_version: int | None = VERSION


class ExamTaskReorderParams(ExamEditParams):
    """The exam tasks of one workflow in their new order."""

    task_ids: list[str] = Field(
        description=f"Ids of exam tasks of one workflow, each once, at most {MOST_TREE_RECORDS}. Those that are not "
        "named follow in their order.",
    )


@dataclass(frozen=True, slots=True)
class ExamTaskReply:
    """The exam task; ``exam_task_get`` shows it with its ``results``."""

    task: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ExamTaskPage:
    """Exam tasks in order, and the cursor of the next page, if there is one.

    Those of a workflow are ordered by their position, then as they were made; others as they were made.
    """

    tasks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ExamTaskOrder:
    """The ids of all exam tasks of the workflow in their order."""

    task_ids: list[str] = field(default_factory=list[str])


METHODS = (
    Method(
        name="exam_task_add",
        summary="Add an exam task to a workflow, or a template of one.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/tasks"),
        params=ExamTaskAddParams,
        result=ExamTaskReply,
        refusal="Failed to add an exam task: ",
        notes=f"{explain_fields('task', AcquisitionFields, DagFields)} The task_type is ACQUISITION or DAG: device_id, "
        "sequence_id, acquisition_parameter, acquisition_limits and calibration belong to the one, dag_type, dag_id, "
        "input_task_ids and parameter to the other. The status of a new exam task is NEW. It belongs to a workflow; a "
        "template belongs to a workflow that is a template, or stands alone. Inputs are templates exactly if it is.",
        example={
            "task": {
                "workflow_id": EXAMPLE_ID,
                "name": "image",
                "task_type": "DAG",
                "dag_type": "RECONSTRUCTION",
                "dag_id": "fft",
                "input_task_ids": [EXAMPLE_ID],
            }
        },
    ),
    Method(
        name="exam_task_copy",
        summary="Add an exam task that is a copy of a template.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/tasks:copy"),
        params=ExamTaskCopyParams,
        result=ExamTaskReply,
        refusal="Failed to copy the exam task: ",
        notes="The copy has status NEW and progress 0. It has no `input_task_ids` unless `task` gives them, or it is a "
        "template as well.",
        example={"template_id": EXAMPLE_ID, "task": {"workflow_id": EXAMPLE_ID}},
    ),
    Method(
        name="exam_task_get",
        summary="Return an exam task.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exams/task"),
        params=ExamTaskGetParams,
        result=ExamTaskReply,
        refusal="Failed to get the exam task: ",
        notes="Its results are shown with it unless `tree` is false. `item_uid`, `item_state` and `error_message` tell "
        "of the item that does it, or did it last.",
        example={"task_id": EXAMPLE_ID},
    ),
    Method(
        name="exam_task_list",
        summary="Return a page of exam tasks, or of templates.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exams/tasks"),
        params=ExamTaskListParams,
        result=ExamTaskPage,
        refusal="Failed to list exam tasks: ",
        notes="With `tree`, a page may be short although there is a next one.",
        example={"workflow_id": EXAMPLE_ID},
    ),
    Method(
        name="exam_task_update",
        summary="Change an exam task.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/task:update"),
        params=ExamTaskUpdateParams,
        result=ExamTaskReply,
        refusal="Failed to change the exam task: ",
        notes=f"{EDIT_NOTE} While its item waits or is active, the queue owns its status and its progress, and a "
        "change of them is refused.",
        example={"task_id": EXAMPLE_ID, "task": {"description": "once more"}, "if_version": 2},
    ),
    Method(
        name="exam_task_remove",
        summary="Remove an exam task with its results.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/task:remove"),
        params=ExamTaskRemoveParams,
        refusal="Failed to remove the exam task: ",
        notes="Refused while its item waits or is active.",
        example={"task_id": EXAMPLE_ID},
    ),
    Method(
        name="exam_task_reorder",
        summary="Give the exam tasks of a workflow another order.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/tasks:reorder"),
        params=ExamTaskReorderParams,
        result=ExamTaskOrder,
        refusal="Failed to reorder the exam tasks: ",
        example={"task_ids": [EXAMPLE_ID]},
    ),
)
