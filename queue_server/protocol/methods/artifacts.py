"""Declarations about artifacts: which files are stored, what names them, and the registration of files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.listing import Roll
from queue_server.protocol.method import Done, LockableParams, Method, Params
from queue_server.protocol.methods.workflows import CURSOR, EXAMPLE_FILE, FILE_ID, LIMIT, USER, USER_GROUP
from queue_server.protocol.records import (
    ARTIFACT_ID_PATTERN,
    CONTENT_TYPE_PATTERN,
    DEFAULT_CONTENT_TYPE,
    MAX_CONTENT_TYPE_LENGTH,
    MAX_MEMBER_BYTES,
)
from queue_server.protocol.result_schema import RelativePath

MOST_REFERENCES = 100
_VERIFIED_S = 600.0
_ARTIFACT_ID = Field(pattern=ARTIFACT_ID_PATTERN, description="SHA-256 of the bytes, in lower case.")


class ArtifactListParams(Params):
    """Which artifacts."""

    submission_id: str | None = Field(
        default=None, min_length=1, max_length=512, description="Only of this submission."
    )
    attempt: int | None = Field(default=None, ge=1, lt=2**63, description="Only of attempts of this number.")
    name: str | None = Field(default=None, max_length=MAX_MEMBER_BYTES, description="Only files of exactly this name.")
    content_type: str | None = Field(
        default=None, max_length=MAX_CONTENT_TYPE_LENGTH, description="Only files of exactly this media type."
    )
    artifact_id: str | None = Field(
        default=None, pattern=ARTIFACT_ID_PATTERN, description="Only names of this artifact."
    )
    limit: int = LIMIT
    cursor: str | None = CURSOR


class ArtifactGetParams(Params):
    """Which artifact."""

    artifact_id: str = _ARTIFACT_ID


class ArtifactRegisterParams(LockableParams):
    """The file, what it is called, and who asks."""

    artifact_id: str = _ARTIFACT_ID
    size_bytes: int = Field(ge=0, lt=2**63, description="Length of the file, in bytes.")
    name: RelativePath = Field(description="Name, or relative path with slashes.")
    content_type: str = Field(
        default=DEFAULT_CONTENT_TYPE,
        max_length=MAX_CONTENT_TYPE_LENGTH,
        pattern=CONTENT_TYPE_PATTERN,
        description="Media type.",
    )
    submission_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="Submission to which it belongs, and with which it goes.",
    )
    user: str | None = USER
    user_group: str | None = USER_GROUP


class ArtifactUnregisterParams(LockableParams):
    """Which file, and who asks."""

    file_id: str = FILE_ID
    user: str | None = USER
    user_group: str | None = USER_GROUP


@dataclass(frozen=True, slots=True)
class ArtifactPage:
    """Names of artifacts, the newest first, and the cursor of the next page, if there is one."""

    artifacts: list[dict[str, Any]] = field(default_factory=Roll)
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ArtifactReply:
    """The artifact."""

    artifact: dict[str, Any] = field(default_factory=dict[str, Any])


_NAMED = (
    "An entry is an artifact as one record names it: `id` (of the file, null if the record gives none), `name`, "
    "`artifact_id` (the SHA-256 of the bytes), `size_bytes`, `content_type`, `created`, `kind` (`registered`, `group`, "
    "`result` of an attempt of a submission, `item` of the history, or `exam`), and, where it has one, "
    "`submission_id`, `attempt`, `item_uid`, `group_id` and `exam_result_id`."
)

METHODS: tuple[Method, ...] = (
    Method(
        name="artifact_list",
        summary="Return a page of the artifacts that results, groups, exams and registrations name, the newest first.",
        kind="read",
        scope="read:artifacts",
        route=("GET", "/artifacts"),
        params=ArtifactListParams,
        result=ArtifactPage,
        refusal="Failed to list artifacts: ",
        notes=f"{_NAMED} Whether the files are there is told by `artifact_get`. One of `artifact_id` and "
        "`submission_id` is looked up in an index; for the rest at most 1,000 names are examined, so that a page may "
        "be short, or empty, although `next_cursor` says that there are more.",
        example={"content_type": "application/x-npy", "limit": 20},
    ),
    Method(
        name="artifact_get",
        summary="Return what is known of an artifact: whether its file is there, and what names it.",
        kind="read",
        scope="read:artifacts",
        route=("GET", "/artifact"),
        params=ArtifactGetParams,
        result=ArtifactReply,
        refusal="Failed to get the artifact: ",
        notes="An artifact has `id` (the SHA-256 of its bytes), `is_present` (whether there is a file of the length "
        "that is told; nobody has read it), `size_bytes`, and `name`, `content_type` and `created` as the newest of "
        f"`references` says, null if there is none. `references` are its newest {MOST_REFERENCES} names, and "
        "`has_more_references` says whether there are more. Arguments of items name artifacts too, which is not told "
        f"here: a sweep looks at all that is stored. {_NAMED}",
        example={"artifact_id": "0" * 64},
    ),
    Method(
        name="artifact_register",
        summary="Give a file that is in the artifact store already a name, so that it is kept and found.",
        kind="mutation",
        scope="write:artifacts",
        route=("POST", "/artifacts"),
        params=ArtifactRegisterParams,
        result=ArtifactReply,
        lock="queue",
        refusal="Failed to register the artifact: ",
        notes="All bytes of the file are read and compared with `artifact_id` before anything is written, which takes "
        "seconds for gigabytes. A registered file is kept until `artifact_unregister`, or until its submission is "
        f"removed. For a submission of a group only members register files. {_NAMED}",
        example={"artifact_id": "0" * 64, "size_bytes": 128, "name": "mask.npy", "content_type": "application/x-npy"},
        patience_s=_VERIFIED_S,
    ),
    Method(
        name="artifact_unregister",
        summary="Take the registration of a file back; once nothing else names it, it goes as the rules say.",
        kind="mutation",
        scope="write:artifacts",
        route=("POST", "/artifact:unregister"),
        params=ArtifactUnregisterParams,
        result=Done,
        lock="queue",
        refusal="Failed to take the registration back: ",
        notes="Its bytes are not touched.",
        example={"file_id": EXAMPLE_FILE},
    ),
)
