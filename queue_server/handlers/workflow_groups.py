"""Handlers of the methods about the groups of users that submit a workflow together, and their files."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from queue_server.access.names import require_name
from queue_server.engine.workflow_results import default_order
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.postprocessing import Postprocessor
from queue_server.handlers.workflow_records import (
    asking_user,
    find_group,
    find_workflow,
    require_member,
)
from queue_server.protocol.errors import ParameterError, RefusedError, StateError
from queue_server.protocol.listing import Roll
from queue_server.protocol.method import Done
from queue_server.protocol.methods.workflow_groups import (
    GroupAddParams,
    GroupFileAddParams,
    GroupFileRemoveParams,
    GroupGetParams,
    GroupListParams,
    GroupPage,
    GroupRemoveParams,
    GroupReply,
    GroupUpdateParams,
)
from queue_server.protocol.methods.workflows import FileReply
from queue_server.protocol.records import (
    CONTENT_TYPE_PATTERN,
    DEFAULT_CONTENT_TYPE,
    MAX_CONTENT_TYPE_LENGTH,
    ArtifactId,
)
from queue_server.protocol.result_schema import RelativePath
from queue_server.protocol.submissions import Submission, SubmissionFilter
from queue_server.protocol.workflow_groups import (
    GROUP_ID_PATTERN,
    LONGEST_GROUP_NAME,
    MOST_GROUP_FILES,
    MOST_MEMBERS,
    Group,
    GroupFile,
)
from queue_server.protocol.workflow_parameters import MOST_PARAMETERS, Parameter
from queue_server.protocol.workflows import WORKFLOW_ID_PATTERN

_PAGE: Final = 1_000
_ID_LENGTH: Final = 32


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class _NewGroup(_Fields):
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_GROUP_NAME)]
    workflow_id: Annotated[str, Field(pattern=WORKFLOW_ID_PATTERN)]
    id: Annotated[str, Field(pattern=GROUP_ID_PATTERN)] | None = None
    members: Annotated[list[str], Field(max_length=MOST_MEMBERS)] = []
    parameters: Annotated[list[Parameter], Field(max_length=MOST_PARAMETERS)] = []
    config: dict[str, Any] = {}


class _NewFile(_Fields):
    name: RelativePath
    artifact_id: ArtifactId
    size_bytes: Annotated[int, Field(ge=0, lt=2**63)]
    content_type: Annotated[str, Field(max_length=MAX_CONTENT_TYPE_LENGTH, pattern=CONTENT_TYPE_PATTERN)] = (
        DEFAULT_CONTENT_TYPE
    )


def add_group(context: TurnContext, params: GroupAddParams) -> GroupReply:
    """Add a group; whoever asks is its owner."""
    given = _read(_NewGroup, params.group, "group")
    owner = asking_user(context, params)
    if not owner:
        raise ParameterError("A group has an owner: say who asks (user).", field="user")
    new = Group(
        id=given.id or context.turn.chance.secret()[:_ID_LENGTH],
        name=given.name,
        workflow=find_workflow(context, given.workflow_id).id,
        owner=owner,
        members=_gather(owner, given.members, "group.members"),
        created=float(context.turn.now),
        parameters=tuple(each.plain() for each in given.parameters),
        config=given.config,
    )
    context.turn.tx.add_group(new)
    _tell(context, new)
    return _show(context, new)


def get_group(context: TurnContext, params: GroupGetParams) -> GroupReply:
    """Return a group with its files."""
    return _show(context, find_group(context, params.group_id))


def list_groups(context: TurnContext, params: GroupListParams) -> GroupPage:
    """Return a page of groups."""
    tx = context.turn.tx
    part = tx.groups(limit=params.limit, workflow=params.workflow_id, member=params.member, cursor=params.cursor)
    shown = Roll(each.shown(tx.group_files(each.id)) for _, each in part.entries)
    return GroupPage(shown, part.entries[-1][0] if part.has_more else None)


def update_group(context: TurnContext, params: GroupUpdateParams) -> GroupReply:
    """Change the name or the members of a group."""
    present = find_group(context, params.group_id)
    require_member(context, present, params)
    members = present.members if params.members is None else _gather(present.owner, params.members, "members")
    changed = replace(present, name=params.name or present.name, members=members)
    if changed != present:
        context.turn.tx.change_group(changed)
        _tell(context, changed)
    return _show(context, changed)


def remove_group(context: TurnContext, params: GroupRemoveParams) -> Done:
    """Remove a group with its files and its submissions."""
    present = find_group(context, params.group_id)
    require_member(context, present, params)
    tx = context.turn.tx
    submissions = _find_submissions(context, present)
    busy = next((each for each in submissions if _is_active(context, each)), None)
    if busy is not None:
        raise StateError(
            f"A submission of the group {present.name!r} waits or runs: cancel it, or wait for its end.",
            details={"submission_id": busy.uid},
        )
    workflow = tx.workflow(present.workflow)
    schema = None if workflow is None else workflow.fields.result_schema
    was_ranked = schema is not None and tx.best_of(present.workflow, default_order(schema), f"g:{present.id}")
    for submission in submissions:
        tx.remove_submission(submission.uid)
    tx.remove_group(present.id)
    _tell(context, present, submissions=len(submissions))
    if workflow is not None and was_ranked:
        Postprocessor(context.desk)(context.turn, workflow)
    return Done()


def _find_submissions(context: TurnContext, present: Group) -> list[Submission]:
    found: list[Submission] = []
    behind = 0
    while True:
        part = context.turn.tx.submissions(SubmissionFilter(group=present.id), limit=_PAGE, behind=behind)
        found += [followed.submission for _, followed in part.entries]
        if not part.has_more:
            return found
        behind = part.entries[-1][0]


def _is_active(context: TurnContext, submission: Submission) -> bool:
    uids = (submission.uid, *submission.content.get("steps", ()))
    return any(context.turn.tx.living(uid) for uid in uids)


def add_file(context: TurnContext, params: GroupFileAddParams) -> FileReply:
    """Give a file to a group."""
    present = find_group(context, params.group_id)
    require_member(context, present, params)
    given = _read(_NewFile, params.file, "file")
    if len(context.turn.tx.group_files(present.id)) >= MOST_GROUP_FILES:
        raise RefusedError(f"The group {present.name!r} has {MOST_GROUP_FILES} files, and no more are accepted.")
    identity = context.turn.chance.secret()[:_ID_LENGTH]
    file = GroupFile(
        identity, given.name, given.artifact_id, given.size_bytes, given.content_type, float(context.turn.now)
    )
    context.turn.tx.add_group_file(present.id, file)
    _tell(context, present, artifact_id=file.artifact_id, name=file.name)
    return FileReply(file.shown())


def remove_file(context: TurnContext, params: GroupFileRemoveParams) -> Done:
    """Take a file from a group."""
    present = find_group(context, params.group_id)
    require_member(context, present, params)
    context.turn.tx.remove_group_file(present.id, params.file_id)
    _tell(context, present)
    return Done()


def _read(kind: Any, values: dict[str, Any], name: str) -> Any:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = name + re.sub(r"\.(\d+)", r"[\1]", "".join(f".{each}" for each in problem["loc"]))
        text = "there is no such key" if problem["type"] == "extra_forbidden" else problem["msg"]
        raise ParameterError(f"'{path}': {text[:1].lower()}{text[1:]}.", field=path) from error


def _gather(owner: str, members: list[str], field: str) -> tuple[str, ...]:
    for index, member in enumerate(members):
        if not member:
            raise ParameterError(f"'{field}[{index}]' must be the name of a user.", field=f"{field}[{index}]")
        require_name(member, f"{field}[{index}]")
    return tuple(dict.fromkeys((owner, *members)))


def _show(context: TurnContext, present: Group) -> GroupReply:
    return GroupReply(present.shown(context.turn.tx.group_files(present.id)))


def _tell(context: TurnContext, present: Group, **data: object) -> None:
    known = {"workflow_id": present.workflow, "group_id": present.id, **data}
    context.turn.record(context.method, origin=context.origin, data=known)


GROUP = group(
    turn={
        "workflow_group_add": add_group,
        "workflow_group_get": get_group,
        "workflow_group_list": list_groups,
        "workflow_group_update": update_group,
        "workflow_group_remove": remove_group,
        "workflow_group_file_add": add_file,
        "workflow_group_file_remove": remove_file,
    }
)
