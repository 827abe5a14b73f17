"""Declarations about the results of exam tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.exam_fields import explain_fields
from queue_server.protocol.exam_records import ResultFields
from queue_server.protocol.method import Method, Params
from queue_server.protocol.methods.exams import CURSOR, EXAMPLE_ID, LIMIT, VERSION, ExamEditParams

_TASK = Field(max_length=128, description="Id of the exam task, or uid of the item that does it.")
_RESULT = Field(max_length=128, description="Id of the result.")


class ExamResultAddParams(ExamEditParams):
    """The exam task, and what is known of its result."""

    task_id: str = _TASK
    result: dict[str, Any] | None = Field(
        default=None, description="The fields of the result; without any it is blank."
    )


class ExamResultGetParams(Params):
    """Which result."""

    result_id: str = _RESULT


class ExamResultListParams(Params):
    """Whose results."""

    task_id: str = _TASK
    limit: int = LIMIT
    cursor: str | None = CURSOR


class ExamResultUpdateParams(ExamEditParams):
    """Which result, and what changes."""

    result_id: str = _RESULT
    result: dict[str, Any] = Field(description="The fields that change.")
    if_version: int | None = VERSION


class ExamResultRemoveParams(ExamEditParams):
    """Which result."""

    result_id: str = _RESULT
    if_version: int | None = VERSION


@dataclass(frozen=True, slots=True)
class ExamResultReply:
    """The result."""

    result: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ExamResultPage:
    """Results in the order in which they were made, and the cursor of the next page, if there is one."""

    results: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    next_cursor: str | None = None


METHODS = (
    Method(
        name="exam_result_add",
        summary="Add a result to an exam task.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/results"),
        params=ExamResultAddParams,
        result=ExamResultReply,
        refusal="Failed to add a result: ",
        notes=f"{explain_fields('result', ResultFields)} The task_id is given beside it. A template has no results.",
        example={"task_id": EXAMPLE_ID, "result": {"type": "MRD", "files": ["scan.mrd"]}},
    ),
    Method(
        name="exam_result_get",
        summary="Return a result.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exams/result"),
        params=ExamResultGetParams,
        result=ExamResultReply,
        refusal="Failed to get the result: ",
        example={"result_id": EXAMPLE_ID},
    ),
    Method(
        name="exam_result_list",
        summary="Return a page of the results of an exam task.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exams/results"),
        params=ExamResultListParams,
        result=ExamResultPage,
        refusal="Failed to list results: ",
        example={"task_id": EXAMPLE_ID},
    ),
    Method(
        name="exam_result_update",
        summary="Change a result.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/result:update"),
        params=ExamResultUpdateParams,
        result=ExamResultReply,
        refusal="Failed to change the result: ",
        notes="Fields that are not given stay as they are.",
        example={"result_id": EXAMPLE_ID, "result": {"type": "DICOM"}, "if_version": 1},
    ),
    Method(
        name="exam_result_remove",
        summary="Remove a result; files that it names are not touched.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams/result:remove"),
        params=ExamResultRemoveParams,
        refusal="Failed to remove the result: ",
        example={"result_id": EXAMPLE_ID},
    ),
)
