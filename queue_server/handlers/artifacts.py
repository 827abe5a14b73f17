"""Handlers of the methods about artifacts: which there are, and files that are registered."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from queue_server.artifacts.inspection import Inspector
from queue_server.handlers.context import TurnContext
from queue_server.handlers.further import Further
from queue_server.handlers.group import group
from queue_server.handlers.results import identify_file
from queue_server.handlers.workflow_records import find_submission, require_member_of
from queue_server.protocol.artifacts import MOST_REGISTERED_FILES, ArtifactFilter, NamedArtifact
from queue_server.protocol.errors import NotFoundError, RefusedError, StateError
from queue_server.protocol.listing import Roll
from queue_server.protocol.method import Done
from queue_server.protocol.methods.artifacts import (
    MOST_REFERENCES,
    ArtifactGetParams,
    ArtifactListParams,
    ArtifactPage,
    ArtifactRegisterParams,
    ArtifactReply,
    ArtifactUnregisterParams,
)
from queue_server.protocol.submissions import ResultFile

_ID_LENGTH: Final = 32


def list_artifacts(context: TurnContext, params: ArtifactListParams) -> ArtifactPage:
    """Return a page of the names of artifacts."""
    wanted = ArtifactFilter(params.artifact_id, params.submission_id, params.attempt, params.name, params.content_type)
    part = context.turn.tx.find_artifacts(wanted, limit=params.limit, cursor=params.cursor)
    return ArtifactPage(Roll(map(_show, part.entries)), part.cursor)


def get_artifact(context: TurnContext, params: ArtifactGetParams) -> Further:
    """Return an artifact, once its file was looked at."""
    look = _Look(_inspector_of(context), params.artifact_id)
    return Further(look.tell, aside=look.see)


class _Look(Struct):
    """What there is of an artifact on the disk, and in the store."""

    inspector: Inspector
    artifact_id: str
    size_bytes: int | None = None

    def see(self) -> None:
        self.size_bytes = self.inspector.find_size(self.artifact_id)

    def tell(self, context: TurnContext) -> ArtifactReply:
        part = context.turn.tx.find_artifacts(ArtifactFilter(self.artifact_id), limit=MOST_REFERENCES)
        if self.size_bytes is None and not part.entries:
            raise NotFoundError(f"There is no artifact {self.artifact_id}, and nothing names one of that id.")
        newest = part.entries[0].file if part.entries else None
        told_bytes = newest.size_bytes if newest is not None else self.size_bytes
        return ArtifactReply(
            {
                "id": self.artifact_id,
                "is_present": self.size_bytes is not None and self.size_bytes == told_bytes,
                "size_bytes": told_bytes,
                "name": None if newest is None else newest.name,
                "content_type": None if newest is None else newest.content_type,
                "created": None if newest is None else newest.created,
                "references": [_show(named) for named in part.entries],
                "has_more_references": part.cursor is not None,
            }
        )


def register_artifact(context: TurnContext, params: ArtifactRegisterParams) -> Further:
    """Register a file, once all its bytes were read."""
    inspector = _inspector_of(context)
    _check_owner(context, params)
    return Further(
        lambda later: _register(later, params),
        aside=lambda: inspector.confirm(params.artifact_id, params.size_bytes),
    )


def _check_owner(context: TurnContext, params: ArtifactRegisterParams) -> None:
    if params.submission_id is not None:
        require_member_of(context, find_submission(context, params.submission_id).submission, params)
    known = context.turn.tx.count_registered(params.submission_id, MOST_REGISTERED_FILES)
    if known >= MOST_REGISTERED_FILES:
        whose = "of this submission" if params.submission_id is not None else "of no submission"
        raise RefusedError(
            f"There are {known} registered files {whose}, and no more are accepted: take registrations back that "
            "nobody needs (artifact_unregister)."
        )


def _register(context: TurnContext, params: ArtifactRegisterParams) -> ArtifactReply:
    # The submission may have been removed meanwhile.
    _check_owner(context, params)
    identity = context.turn.chance.secret()[:_ID_LENGTH]
    created = float(context.turn.now)
    file = ResultFile(identity, params.name, params.artifact_id, params.size_bytes, params.content_type, created)
    context.turn.tx.register_file(file, params.submission_id)
    # Not the id of the artifact: the log would refer to it for ever.
    _tell(context, file_id=identity, name=params.name, submission_id=params.submission_id)
    return ArtifactReply(_show(NamedArtifact("registered", "", file, params.submission_id or "")))


def unregister_artifact(context: TurnContext, params: ArtifactUnregisterParams) -> Done:
    """Take the registration of a file back."""
    context.turn.tx.unregister_file(params.file_id)
    _tell(context, file_id=params.file_id)
    return Done()


def _tell(context: TurnContext, **data: object) -> None:
    context.turn.record(context.method, origin=context.origin, data=data)


def _inspector_of(context: TurnContext) -> Inspector:
    inspector = context.desk.inspector
    if inspector is None:
        raise StateError("This manager has no artifacts: it runs without a data directory.")
    return inspector


def _show(named: NamedArtifact) -> dict[str, Any]:
    if named.kind == "item":
        # As the results of the history have it.
        named = replace(named, file=replace(named.file, id=identify_file(named.item_uid, named.file.name)))
    return {**named.shown(), "id": named.file.id or None}


GROUP = group(
    turn={
        "artifact_list": list_artifacts,
        "artifact_get": get_artifact,
        "artifact_register": register_artifact,
        "artifact_unregister": unregister_artifact,
    }
)
