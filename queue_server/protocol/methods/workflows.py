"""Declarations about workflows: templates of work, their rankings, and the files of their results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from queue_server.protocol.listing import Roll
from queue_server.protocol.method import Done, LockableParams, Method, Params
from queue_server.protocol.workflows import WorkflowFields

EXAMPLE_WORKFLOW = "peak"
EXAMPLE_FILE = "0f5c8d1e2b3a49788796a5b4c3d2e1f0"
MOST_RANKED = 10_000

WORKFLOW_ID = Field(min_length=1, max_length=128, description="Id of the workflow.")
FILE_ID = Field(min_length=1, max_length=64, description="Id of the file.")
LIMIT = Field(default=100, ge=1, le=1_000, description="Largest number of entries.")
CURSOR = Field(default=None, max_length=64, description="`next_cursor` of the page before.")
USER = Field(default=None, max_length=128, description="Name of the person or program that asks.")
USER_GROUP = Field(default=None, max_length=128, description="Group whose permissions apply.")

_EXAMPLE: dict[str, Any] = {
    "id": EXAMPLE_WORKFLOW,
    "plan": {"item_type": "plan", "name": "count", "args": [["det1"]], "kwargs": {"num": "$[[points]]"}},
    "parameters": [{"name": "points", "dtype": "int", "minimum": 1, "default": 5}],
    "result_schema": {"columns": [{"name": "best", "dtype": "float", "field": "det1", "statistic": "max"}]},
}


def _explain() -> str:
    told = "; ".join(
        f"`{name}` ({(info.description or '').removesuffix('.')}{', required' if info.is_required() else ''})"
        for name, info in WorkflowFields.model_fields.items()
    )
    return (
        f"Keys of `workflow`: {told}. In the texts of a step, $[[name]] stands for the value of a parameter and "
        "$[[name?yes:no]] for one of two texts; a text that is exactly one reference takes the value with its type."
    )


class WorkflowListParams(Params):
    """Which part of the list."""

    limit: int = LIMIT
    cursor: str | None = CURSOR


class WorkflowGetParams(Params):
    """Which workflow."""

    workflow_id: str = WORKFLOW_ID
    version: int | None = Field(default=None, ge=1, description="One of its versions; without it the newest one.")


class WorkflowEditParams(LockableParams):
    """The workflow, and who asks."""

    workflow: dict[str, Any] = Field(description="The whole workflow.")
    user: str | None = USER
    user_group: str | None = USER_GROUP


class WorkflowRemoveParams(LockableParams):
    """Which workflow."""

    workflow_id: str = WORKFLOW_ID


class SortColumnParams(BaseModel):
    """A column to sort by."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    name: str = Field(min_length=1, max_length=128, description="Name of the column.")
    descending: bool = Field(default=True, description="True: the largest values come first.")


class WorkflowRankingParams(Params):
    """Which workflow, in which order, and how much of it."""

    workflow_id: str = WORKFLOW_ID
    order_by: list[SortColumnParams] | None = Field(
        default=None, max_length=64, description="Columns to sort by; without any, the order of the result schema."
    )
    include_all: bool = Field(default=False, description="True: all results, not only the best one of each group.")
    limit: int = Field(default=1_000, ge=1, le=MOST_RANKED, description="Largest number of entries.")


class WorkflowReloadParams(LockableParams):
    """Nothing but the key of the lock."""


class WorkflowArchiveParams(Params):
    """Of which workflow."""

    workflow_id: str = WORKFLOW_ID


class WorkflowFileParams(Params):
    """Which file of which workflow."""

    workflow_id: str = WORKFLOW_ID
    file_id: str = FILE_ID


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """Workflows in the order in which they were made, and the cursor of the next page, if there is one."""

    workflows: list[dict[str, Any]] = field(default_factory=Roll)
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowShown:
    """The workflow."""

    workflow: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class WorkflowFound:
    """The workflow, and the submission that is served as its post-processing, if there is one."""

    workflow: dict[str, Any] = field(default_factory=dict[str, Any])
    postprocessing: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class WorkflowsReloaded:
    """What the files of the directory have brought: ids of workflows, and what is wrong with files, by their names."""

    added: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    problems: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class WorkflowRanking:
    """The result schema (None without one), the entries in order, and the served post-processing."""

    schema: dict[str, Any] | None = None
    ranking: list[dict[str, Any]] = field(default_factory=Roll)
    postprocessing: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files that an archive of this name consists of; their bytes are in the artifact store."""

    manifest: list[dict[str, Any]] = field(default_factory=Roll)
    submission_id: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class FileReply:
    """The file; its bytes are in the artifact store."""

    file: dict[str, Any] = field(default_factory=dict[str, Any])


METHODS = (
    Method(
        name="workflow_list",
        summary="Return a page of the workflows.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/workflows"),
        params=WorkflowListParams,
        result=WorkflowPage,
        refusal="Failed to list workflows: ",
    ),
    Method(
        name="workflow_get",
        summary="Return a workflow.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/workflow"),
        params=WorkflowGetParams,
        result=WorkflowFound,
        refusal="Failed to get the workflow: ",
        notes="A version that is named is found also when the workflow was removed.",
        example={"workflow_id": EXAMPLE_WORKFLOW},
    ),
    Method(
        name="workflow_add",
        summary="Add a workflow.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/workflows"),
        params=WorkflowEditParams,
        result=WorkflowShown,
        lock="queue",
        refusal="Failed to add the workflow: ",
        notes=_explain(),
        example={"workflow": _EXAMPLE},
    ),
    Method(
        name="workflow_update",
        summary="Put a new version of a workflow in the place of the present one.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/workflow:update"),
        params=WorkflowEditParams,
        result=WorkflowShown,
        lock="queue",
        refusal="Failed to change the workflow: ",
        notes="Submissions keep the version that they were made with. A workflow that came from a file is changed in "
        "its file (workflow_reload).",
        example={"workflow": _EXAMPLE},
    ),
    Method(
        name="workflow_remove",
        summary="Remove a workflow; what was submitted stays.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/workflow:remove"),
        params=WorkflowRemoveParams,
        result=Done,
        lock="queue",
        refusal="Failed to remove the workflow: ",
        notes="One that came from a file comes back with the next workflow_reload, unless the file is removed first.",
        example={"workflow_id": EXAMPLE_WORKFLOW},
    ),
    Method(
        name="workflow_reload",
        summary="Read the files of workflows again.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/workflows/reload"),
        params=WorkflowReloadParams,
        result=WorkflowsReloaded,
        lock="queue",
        refusal="Failed to read the workflows: ",
        notes="They are the files *.yaml and *.yml of the directory that the setting workflows names. A workflow whose "
        "file says something else gets a new version; one whose file is gone is removed. A file that cannot be used is "
        "named in `problems`, and what it said before stays.",
    ),
    Method(
        name="workflow_ranking",
        summary="Return the results of a workflow in the order of their metrics.",
        kind="read",
        scope="read:workflows",
        route=("POST", "/workflow/ranking"),
        params=WorkflowRankingParams,
        result=WorkflowRanking,
        refusal="Failed to rank the results: ",
        notes="Candidates are all successful attempts with metrics. Missing values come last in both directions; ties "
        "go to the attempt that ended first, then to the smaller id. Without include_all the first entry of each "
        "group is kept, and all submissions without a group. A workflow without a result schema has the schema null.",
        example={"workflow_id": EXAMPLE_WORKFLOW, "order_by": [{"name": "best", "descending": True}]},
    ),
    Method(
        name="workflow_result_archive",
        summary="Return the files of the served post-processing of a workflow.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/workflow/archive"),
        params=WorkflowArchiveParams,
        result=Manifest,
        refusal="Failed to list the files: ",
        notes="Refused as not found until a post-processing has succeeded.",
        example={"workflow_id": EXAMPLE_WORKFLOW},
    ),
    Method(
        name="workflow_result_file",
        summary="Return what is known of a file of the served post-processing of a workflow.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/workflow/file"),
        params=WorkflowFileParams,
        result=FileReply,
        refusal="Failed to find the file: ",
        example={"workflow_id": EXAMPLE_WORKFLOW, "file_id": EXAMPLE_FILE},
    ),
)
