"""Declarations about submissions: work that came from a workflow or in a batch, with the results of its attempts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.listing import Roll
from queue_server.protocol.method import Done, LaneLockableParams, LockableParams, Method, Params
from queue_server.protocol.methods.items import Position
from queue_server.protocol.methods.workflow_groups import EXAMPLE_GROUP
from queue_server.protocol.methods.workflows import (
    CURSOR,
    EXAMPLE_FILE,
    EXAMPLE_WORKFLOW,
    FILE_ID,
    LIMIT,
    USER,
    USER_GROUP,
    WORKFLOW_ID,
    FileReply,
    Manifest,
)
from queue_server.protocol.submissions import SubmissionState

EXAMPLE_SUBMISSION = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
_SUBMISSION = Field(min_length=1, max_length=128, description="Id of the submission.")
_ATTEMPT = Field(default=None, ge=1, description="Which attempt; without it the newest one that has ended.")


class SubmissionAddParams(LaneLockableParams):
    """What is submitted, for whom, and where it goes."""

    workflow_id: str = WORKFLOW_ID
    group_id: str | None = Field(default=None, max_length=64, description="The group for which it is submitted.")
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any], description="Values by names of parameters.")
    cast: bool = Field(
        default=False, description="True: texts stand for numbers and truth values too, where those are declared."
    )
    pos: Position | None = Field(default=None, description="Index in the queue, 'front' or 'back' (the default).")
    held: bool = Field(default=False, description="True: its items are held until they are released.")
    reference: str = Field(default="", max_length=255, description="Text of the client, kept with it.")
    request: dict[str, Any] | None = Field(default=None, description="Whatever the client wants kept with it.")
    user: str | None = USER
    user_group: str | None = USER_GROUP


class SubmissionGetParams(Params):
    """Which submission."""

    submission_id: str = _SUBMISSION


class SubmissionListParams(Params):
    """Which submissions."""

    workflow_id: str | None = Field(default=None, max_length=128, description="Only those of this workflow.")
    group_id: str | None = Field(default=None, max_length=64, description="Only those of this group.")
    batch_id: str | None = Field(default=None, max_length=64, description="Only those of this batch.")
    state: list[SubmissionState] | None = Field(default=None, description="Only those in one of these states.")
    limit: int = LIMIT
    cursor: str | None = CURSOR


class SubmissionEditParams(LockableParams):
    """Which submission, and who asks."""

    submission_id: str = _SUBMISSION
    user: str | None = USER
    user_group: str | None = USER_GROUP


class SubmissionCancelParams(SubmissionEditParams):
    """Which submission, and why."""

    reason: str | None = Field(
        default=None, max_length=500, description="Why; the message of what ran, and in the event log."
    )


class SubmissionArchiveParams(Params):
    """Which submission, and which attempt."""

    submission_id: str = _SUBMISSION
    attempt: int | None = _ATTEMPT


class SubmissionFileParams(Params):
    """Which file of which submission."""

    submission_id: str = _SUBMISSION
    file_id: str = FILE_ID


@dataclass(frozen=True, slots=True)
class SubmissionReply:
    """The submission, with the results of its attempts."""

    submission: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class SubmissionPage:
    """Submissions in the order in which they were made, and the cursor of the next page, if there is one."""

    submissions: list[dict[str, Any]] = field(default_factory=Roll)
    next_cursor: str | None = None


METHODS = (
    Method(
        name="submission_add",
        summary="Submit a workflow with arguments: its steps are queued, and their results are kept.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/submissions"),
        params=SubmissionAddParams,
        result=SubmissionReply,
        lock="queue",
        refusal="Failed to submit the workflow: ",
        notes="The arguments are checked against the parameters, and every filled step as queue_item_add checks it, "
        "before anything is written. Each step comes after the one before, and the submission has the uid of the last "
        "one. For a group only its members submit.",
        example={"workflow_id": EXAMPLE_WORKFLOW, "group_id": EXAMPLE_GROUP, "arguments": {"points": 7}},
    ),
    Method(
        name="submission_get",
        summary="Return a submission with the results of its attempts.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/submission"),
        params=SubmissionGetParams,
        result=SubmissionReply,
        refusal="Failed to get the submission: ",
        example={"submission_id": EXAMPLE_SUBMISSION},
    ),
    Method(
        name="submission_list",
        summary="Return a page of submissions.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/submissions"),
        params=SubmissionListParams,
        result=SubmissionPage,
        refusal="Failed to list submissions: ",
    ),
    Method(
        name="submission_cancel",
        summary="Take a submission that waits out of its queue, or end one that runs.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/submission:cancel"),
        params=SubmissionCancelParams,
        result=SubmissionReply,
        lock="queue",
        refusal="Failed to cancel the submission: ",
        notes="Earlier steps that still wait go with it. What runs is paused at once and then aborted, without a pause "
        "where that is possible; the answer comes before that has happened, and the queue stops as after any other "
        "abort. The attempt ends as `aborted` with `reason` as its message, unless the plan was faster, and no copy of "
        "it is queued. Until then a pause is refused. A manager that is restarted meanwhile forgets the cancellation; "
        "then cancel again. A scan on a remote scanner is refused. Of a group only members cancel.",
        example={"submission_id": EXAMPLE_SUBMISSION, "reason": "wrong sample"},
    ),
    Method(
        name="submission_remove",
        summary="Forget a submission that neither waits nor runs, with its results.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/submission:remove"),
        params=SubmissionEditParams,
        result=Done,
        lock="queue",
        refusal="Failed to remove the submission: ",
        notes="It leaves the ranking of its workflow; the history stays as it is. Items of a batch cannot be removed. "
        "Of a group only members remove.",
        example={"submission_id": EXAMPLE_SUBMISSION},
    ),
    Method(
        name="submission_archive",
        summary="Return the files of an attempt at a submission.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/submission/archive"),
        params=SubmissionArchiveParams,
        result=Manifest,
        refusal="Failed to list the files: ",
        example={"submission_id": EXAMPLE_SUBMISSION},
    ),
    Method(
        name="submission_file",
        summary="Return what is known of a file of a submission.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/submission/file"),
        params=SubmissionFileParams,
        result=FileReply,
        refusal="Failed to find the file: ",
        example={"submission_id": EXAMPLE_SUBMISSION, "file_id": EXAMPLE_FILE},
    ),
)
