"""Declarations about exams: visits or examinations, which group workflows, and templates of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.exam_fields import explain_fields
from queue_server.protocol.exam_records import MOST_TREE_RECORDS, ExamFields
from queue_server.protocol.method import Method, Params

EXAMPLE_ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

VERSION = Field(
    default=None, ge=1, description="Only if this is the present version of the record; otherwise nothing is done."
)
CURSOR = Field(default=None, max_length=64, description="`next_cursor` of the page before; without it the first page.")
LIMIT = Field(default=100, ge=1, le=1_000, description="Largest number of records.")
TREE = f"With what belongs to it, at most {MOST_TREE_RECORDS:,} records in all."
_EXAM = Field(max_length=128, description="Id of the exam.")
_IN_PARTS = (
    f"What belongs to it is shown with it unless `tree` is false. More than {MOST_TREE_RECORDS:,} records are refused: "
    "read them in parts."
)
STATUS_NOTE = (
    "Its status is ERROR if one of its exam tasks has that status, else INPROGRESS if one is STARTED or INPROGRESS, "
    "FINISHED if all are, and otherwise what was set."
)
EDIT_NOTE = (
    "Fields that are not given stay as they are. A record that was NEW is UPDATED then, unless its status is given "
    "as well."
)


class ExamEditParams(Params):
    """Who changes exam records, for the event log: over HTTP the credential says it, else the request claims it."""

    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(
        default=None, max_length=128, description="Group of the person or program that asks."
    )


class ExamAddParams(ExamEditParams):
    """The new exam."""

    exam: dict[str, Any] = Field(description="The fields of the exam.")


class ExamCopyParams(ExamEditParams):
    """The template, and what is to be different from it."""

    template_id: str = Field(max_length=128, description="Id of the exam that is a template.")
    exam: dict[str, Any] | None = Field(
        default=None, description="Fields that differ from those of the template, such as patient_id."
    )


class ExamGetParams(Params):
    """Which exam, and how much of it."""

    exam_id: str = _EXAM
    tree: bool = Field(default=True, description=TREE)


class ExamListParams(Params):
    """Which exams."""

    patient_id: str | None = Field(default=None, max_length=128, description="Only those of this patient.")
    templates: bool = Field(default=False, description="True: only templates; false: only others.")
    tree: bool = Field(default=False, description=TREE)
    limit: int = LIMIT
    cursor: str | None = CURSOR


class ExamUpdateParams(ExamEditParams):
    """Which exam, and what changes."""

    exam_id: str = _EXAM
    exam: dict[str, Any] = Field(description="The fields that change.")
    if_version: int | None = VERSION


class ExamRemoveParams(ExamEditParams):
    """Which exam."""

    exam_id: str = _EXAM
    if_version: int | None = VERSION


@dataclass(frozen=True, slots=True)
class ExamReply:
    """The exam; ``exam_get`` shows it with its ``workflows``."""

    exam: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ExamPage:
    """Exams in the order in which they were made, and the cursor of the next page, if there is one."""

    exams: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    next_cursor: str | None = None


METHODS = (
    Method(
        name="exam_add",
        summary="Add an exam, or a template of one.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams"),
        params=ExamAddParams,
        result=ExamReply,
        refusal="Failed to add an exam: ",
        notes=f"{explain_fields('exam', ExamFields)} The status of a new exam is NEW. An exam has a patient, and a "
        "template of one has none.",
        example={"exam": {"name": "knee", "patient_id": EXAMPLE_ID}},
    ),
    Method(
        name="exam_copy",
        summary="Add an exam with the workflows and exam tasks of a template.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exams:copy"),
        params=ExamCopyParams,
        result=ExamReply,
        refusal="Failed to copy the exam: ",
        notes="Every copy has an id of its own, status NEW and progress 0, and `input_task_ids` name the copies. It is "
        "an exam of a patient unless `exam` says `is_template`. At most "
        f"{MOST_TREE_RECORDS:,} records are copied together. The reply has the exam alone.",
        example={"template_id": EXAMPLE_ID, "exam": {"patient_id": EXAMPLE_ID}},
    ),
    Method(
        name="exam_get",
        summary="Return an exam.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exam"),
        params=ExamGetParams,
        result=ExamReply,
        refusal="Failed to get the exam: ",
        notes=f"{_IN_PARTS} {STATUS_NOTE}",
        example={"exam_id": EXAMPLE_ID},
    ),
    Method(
        name="exam_list",
        summary="Return a page of exams, or of templates.",
        kind="read",
        scope="read:exams",
        route=("GET", "/exams"),
        params=ExamListParams,
        result=ExamPage,
        refusal="Failed to list exams: ",
        notes="With `tree`, a page may be short although there is a next one.",
        example={"patient_id": EXAMPLE_ID, "limit": 20},
    ),
    Method(
        name="exam_update",
        summary="Change an exam.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exam:update"),
        params=ExamUpdateParams,
        result=ExamReply,
        refusal="Failed to change the exam: ",
        notes=f"{EDIT_NOTE} It cannot become NEW again.",
        example={"exam_id": EXAMPLE_ID, "exam": {"comment": "left knee"}, "if_version": 1},
    ),
    Method(
        name="exam_remove",
        summary="Remove an exam with its workflows, exam tasks and results.",
        kind="mutation",
        scope="write:exams",
        route=("POST", "/exam:remove"),
        params=ExamRemoveParams,
        refusal="Failed to remove the exam: ",
        notes="Refused while an item of one of its exam tasks waits or is active.",
        example={"exam_id": EXAMPLE_ID},
    ),
)
