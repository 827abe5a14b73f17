"""The two versions of what clients read, each written by a serializer of its own from one model. They know no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from http_gateway.dialects.ica import identities
from http_gateway.dialects.ica.analyses import UNKNOWN_TIME, Analysis, BatchItem, Pipeline, Words, write_time
from http_gateway.dialects.ica.negotiation import Version
from queue_server.protocol.submissions import SubmissionState

STATES_V4: Final[Mapping[SubmissionState, str]] = {
    "queued": "QUEUED",
    "held": "AWAITING_INPUT",
    "running": "IN_PROGRESS",
    "paused": "AWAITING_INPUT",
    "uploading": "GENERATING_OUTPUTS",
    "completed": "SUCCEEDED",
    "stopped": "SUCCEEDED",
    "aborted": "ABORTED",
    "halted": "ABORTED",
    "removed": "ABORTED",
    "failed": "FAILED",
    "unknown": "FAILED",
}
STATES_V3: Final[Mapping[SubmissionState, str]] = {
    "queued": "REQUESTED",
    "held": "AWAITINGINPUT",
    "running": "INPROGRESS",
    "paused": "AWAITINGINPUT",
    "uploading": "INPROGRESS",
    "completed": "SUCCEEDED",
    "stopped": "SUCCEEDED",
    "aborted": "ABORTED",
    "halted": "ABORTED",
    "removed": "ABORTED",
    "failed": "FAILED",
    "unknown": "FAILED",
}
_NAME_CHARACTERS: Final = 255
_CODE_CHARACTERS: Final = 296
_DESCRIPTION_CHARACTERS: Final = 4_000


class Serializer(Protocol):
    """Writes one version."""

    def analysis(self, analysis: Analysis, item: BatchItem, pipeline: Pipeline) -> dict[str, Any]:
        """Return an analysis as JSON."""
        ...


def write_item(serializer: Serializer, item: BatchItem, pipeline: Pipeline) -> dict[str, Any]:
    """Return a batch item as JSON."""
    processing = {"status": item.creation, **({"additionalStatusInformation": item.message} if item.message else {})}
    written: dict[str, Any] = {
        "id": item.id,
        "request": {
            "userReference": item.user_reference,
            "pipelineId": item.pipeline_id,
            "tags": _write_tags(item.tags),
        },
        "processing": processing,
    }
    if item.analysis is not None:
        written["createdAnalysis"] = serializer.analysis(item.analysis, item, pipeline)
    return written


class SerializerV3:
    """Writes version 3: owners and tenants as ids, 7 states."""

    def analysis(self, analysis: Analysis, item: BatchItem, pipeline: Pipeline) -> dict[str, Any]:
        """Return an analysis as JSON."""
        storage = {
            "id": identities.STORAGE_ID,
            "name": identities.STORAGE_NAME,
            "timeCreated": UNKNOWN_TIME,
            "timeModified": UNKNOWN_TIME,
            **_owner_v3(""),
        }
        return {
            **_write_analysis(analysis, item),
            **_owner_v3(analysis.owner),
            "status": STATES_V3[analysis.state],
            "pipeline": {**_write_pipeline(pipeline), **_owner_v3(pipeline.owner), "analysisStorage": storage},
        }


class SerializerV4:
    """Writes version 4: owners and tenants as objects, 12 states."""

    def analysis(self, analysis: Analysis, item: BatchItem, pipeline: Pipeline) -> dict[str, Any]:
        """Return an analysis as JSON."""
        storage = {"id": identities.STORAGE_ID, "name": identities.STORAGE_NAME}
        return {
            **_write_analysis(analysis, item),
            **_owner_v4(analysis.owner),
            "status": STATES_V4[analysis.state],
            "pipeline": {**_write_pipeline(pipeline), **_owner_v4(pipeline.owner), "analysisStorage": storage},
        }


SERIALIZERS: Final[Mapping[Version, Serializer]] = {Version.V3: SerializerV3(), Version.V4: SerializerV4()}


def write_batch(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch as JSON, with the job that has created it, which is done: items exist as soon as their batch."""
    created, owner = write_time(batch["created"]), str(batch["owner"])
    job = {
        "id": identities.job_id(batch["id"]),
        "status": "SUCCEEDED",
        "subjectType": "ANALYSIS_CREATION_BATCH",
        "subjectId": batch["id"],
        "timeCreated": created,
        "timeStarted": created,
        "timeFinished": created,
        "owner": _write_user(owner),
    }
    return {"id": batch["id"], "job": job}


def _write_user(user: str) -> dict[str, Any]:
    identity = identities.user_id(user)
    return {
        "id": identity,
        **_owner_v3(user),
        "timeCreated": UNKNOWN_TIME,
        "timeModified": UNKNOWN_TIME,
        "username": user[:_NAME_CHARACTERS] or "unknown",
        # There must be one; mail to this domain goes nowhere.
        "email": f"{identity}@users.invalid",
        "active": True,
        "tenantAdministrator": False,
        "emailVerified": False,
        "twoFactorAuthentication": False,
    }


def _write_tags(tags: Words) -> dict[str, list[str]]:
    return {
        "technicalTags": list(tags.technical),
        "userTags": list(tags.user),
        "referenceTags": list(tags.reference),
    }


def _write_analysis(analysis: Analysis, item: BatchItem) -> dict[str, Any]:
    given = {"startDate": analysis.started, "endDate": analysis.ended, "summary": analysis.summary or None}
    return {
        "id": analysis.id,
        "timeCreated": analysis.created,
        "timeModified": analysis.modified,
        "reference": analysis.reference,
        "userReference": item.user_reference[:_NAME_CHARACTERS],
        "tags": _write_tags(item.tags),
        **{name: value for name, value in given.items() if value is not None},
    }


def _write_pipeline(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "id": identities.pipeline_id(pipeline.code),
        "timeCreated": pipeline.created,
        "timeModified": pipeline.created,
        "code": pipeline.code[:_CODE_CHARACTERS],
        "description": (pipeline.description or pipeline.code)[:_DESCRIPTION_CHARACTERS],
        "language": "UNKNOWN",
        "pipelineTags": {"technicalTags": []},
    }


def _owner_v3(user: str) -> dict[str, Any]:
    return {
        "ownerId": identities.user_id(user),
        "tenantId": identities.TENANT_ID,
        "tenantName": identities.TENANT_NAME,
    }


def _owner_v4(user: str) -> dict[str, Any]:
    return {
        "owner": {"id": identities.user_id(user)},
        "tenant": {"id": identities.TENANT_ID, "name": identities.TENANT_NAME},
    }
