"""Declarations about the groups of users that submit a workflow together, and their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.listing import Roll
from queue_server.protocol.method import Done, LockableParams, Method, Params
from queue_server.protocol.methods.workflows import (
    CURSOR,
    EXAMPLE_FILE,
    EXAMPLE_WORKFLOW,
    FILE_ID,
    LIMIT,
    USER,
    USER_GROUP,
    FileReply,
)
from queue_server.protocol.workflow_groups import LONGEST_GROUP_NAME, MOST_MEMBERS

EXAMPLE_GROUP = "team_a"
_GROUP = Field(min_length=1, max_length=64, description="Id of the group.")


class GroupEditParams(LockableParams):
    """Who asks."""

    user: str | None = USER
    user_group: str | None = USER_GROUP


class GroupAddParams(GroupEditParams):
    """The new group."""

    group: dict[str, Any] = Field(
        description="`name`, `workflow_id`, and optionally `id` (1 to 32 letters, digits or '_'), `members` (names of "
        "users; whoever asks is the owner and a member), `parameters` (declarations) and `config` (a map)."
    )


class GroupGetParams(Params):
    """Which group."""

    group_id: str = _GROUP


class GroupListParams(Params):
    """Which groups."""

    workflow_id: str | None = Field(default=None, max_length=128, description="Only those of this workflow.")
    member: str | None = Field(default=None, max_length=128, description="Only those with this member.")
    limit: int = LIMIT
    cursor: str | None = CURSOR


class GroupUpdateParams(GroupEditParams):
    """Which group, and what changes."""

    group_id: str = _GROUP
    name: str | None = Field(default=None, min_length=1, max_length=LONGEST_GROUP_NAME, description="The new name.")
    members: list[str] | None = Field(
        default=None, max_length=MOST_MEMBERS, description="All members from now on; the owner remains one."
    )


class GroupRemoveParams(GroupEditParams):
    """Which group."""

    group_id: str = _GROUP


class GroupFileAddParams(GroupEditParams):
    """To which group, and the file."""

    group_id: str = _GROUP
    file: dict[str, Any] = Field(
        description="`name` (a relative path), `artifact_id`, `size_bytes`, and optionally `content_type`; the bytes "
        "are in the artifact store already."
    )


class GroupFileRemoveParams(GroupEditParams):
    """Which file of which group."""

    group_id: str = _GROUP
    file_id: str = FILE_ID


@dataclass(frozen=True, slots=True)
class GroupReply:
    """The group."""

    group: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class GroupPage:
    """Groups in the order in which they were made, and the cursor of the next page, if there is one."""

    groups: list[dict[str, Any]] = field(default_factory=Roll)
    next_cursor: str | None = None


METHODS = (
    Method(
        name="workflow_group_add",
        summary="Add a group of users to a workflow.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/workflows/groups"),
        params=GroupAddParams,
        result=GroupReply,
        lock="queue",
        refusal="Failed to add the group: ",
        example={"group": {"id": EXAMPLE_GROUP, "name": "Team A", "workflow_id": EXAMPLE_WORKFLOW}},
    ),
    Method(
        name="workflow_group_get",
        summary="Return a group with its files.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/workflows/group"),
        params=GroupGetParams,
        result=GroupReply,
        refusal="Failed to get the group: ",
        example={"group_id": EXAMPLE_GROUP},
    ),
    Method(
        name="workflow_group_list",
        summary="Return a page of groups, of all workflows or of one.",
        kind="read",
        scope="read:workflows",
        route=("GET", "/workflows/groups"),
        params=GroupListParams,
        result=GroupPage,
        refusal="Failed to list groups: ",
    ),
    Method(
        name="workflow_group_update",
        summary="Change the name or the members of a group.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/workflows/group:update"),
        params=GroupUpdateParams,
        result=GroupReply,
        lock="queue",
        refusal="Failed to change the group: ",
        notes="Only for members.",
        example={"group_id": EXAMPLE_GROUP, "name": "Team of the night"},
    ),
    Method(
        name="workflow_group_remove",
        summary="Remove a group with its files and its submissions.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/workflows/group:remove"),
        params=GroupRemoveParams,
        result=Done,
        lock="queue",
        refusal="Failed to remove the group: ",
        notes="Only for members, and not while a submission of the group waits or runs. What its submissions have left "
        "in the history stays.",
        example={"group_id": EXAMPLE_GROUP},
    ),
    Method(
        name="workflow_group_file_add",
        summary="Give a file to a group, for arguments of its submissions.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/workflows/group/files"),
        params=GroupFileAddParams,
        result=FileReply,
        lock="queue",
        refusal="Failed to add the file: ",
        notes="Only for members.",
        example={"group_id": EXAMPLE_GROUP, "file": {"name": "mask.npy", "artifact_id": "0" * 64, "size_bytes": 128}},
    ),
    Method(
        name="workflow_group_file_remove",
        summary="Take a file from a group; its bytes are not touched.",
        kind="mutation",
        scope="write:workflows",
        route=("POST", "/workflows/group/file:remove"),
        params=GroupFileRemoveParams,
        result=Done,
        lock="queue",
        refusal="Failed to remove the file: ",
        notes="Only for members.",
        example={"group_id": EXAMPLE_GROUP, "file_id": EXAMPLE_FILE},
    ),
)
