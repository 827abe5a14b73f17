"""Batch items and analyses, as far as both versions of the interface agree. They know no version and no JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

from queue_server.protocol.submissions import Processing, SubmissionState

CreationStatus = Literal["RUNNING", "WAITING_RESOURCES", "SUCCEEDED", "FAILED"]
CREATION: Final[Mapping[Processing, CreationStatus]] = {
    "waiting": "WAITING_RESOURCES",
    "running": "RUNNING",
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
}
"""How far the creation of an analysis is, by the word for it here."""

NOT_STARTED: Final[frozenset[SubmissionState]] = frozenset({"queued", "held"})
GOING_ON: Final[frozenset[SubmissionState]] = frozenset({"running", "paused", "uploading"})
_LONGEST_REFERENCE: Final = 255
UNKNOWN_TIME: Final = "1970-01-01T00:00:00.000Z"
"""Where a time is required and nobody knows it."""


@dataclass(frozen=True, slots=True)
class Words:
    """The tags of an item."""

    technical: Sequence[str]
    user: Sequence[str]
    reference: Sequence[str]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A workflow as a pipeline."""

    code: str
    description: str
    created: str
    owner: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """What has become of an item. Times are texts of RFC 3339 in UTC, None where there is none."""

    id: str
    state: SubmissionState
    reference: str
    created: str
    modified: str
    started: str | None
    ended: str | None
    summary: str
    owner: str


@dataclass(frozen=True, slots=True)
class BatchItem:
    """An item of a batch; ``analysis`` is None until it is created."""

    id: str
    user_reference: str
    pipeline_id: str
    tags: Words
    creation: CreationStatus
    message: str
    workflow: str
    version: int
    analysis: Analysis | None


def write_time(seconds: float) -> str:
    """Return a time in seconds since 1970-01-01 UTC as RFC 3339."""
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def read_item(submission: Mapping[str, Any]) -> BatchItem:
    """Return the batch item that a submission of the manager is."""
    request = _request_in(submission)
    workflow = str(submission.get("workflow_id") or "")
    creation = CREATION[submission.get("processing", "succeeded")]
    user_reference = str(request.get("userReference") or submission.get("reference") or submission["id"])
    return BatchItem(
        id=submission["item_id"],
        user_reference=user_reference,
        pipeline_id=str(request.get("pipelineId") or workflow),
        tags=_words_of(request.get("tags"), submission.get("tags", [])),
        creation=creation,
        message=submission["message"] if creation != "SUCCEEDED" else "",
        workflow=workflow,
        version=submission.get("workflow_version") or 0,
        analysis=_read_analysis(submission, user_reference) if creation == "SUCCEEDED" else None,
    )


def _request_in(submission: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the item as it was received here; an empty map if the batch was created in another way."""
    request = submission.get("request")
    item = cast("dict[str, Any]", request).get("item") if isinstance(request, dict) else None
    return cast("dict[str, Any]", item) if isinstance(item, dict) else {}


def _words_of(given: Any, others: Sequence[str]) -> Words:
    if not isinstance(given, dict):
        return Words((), list(others), ())
    known = cast("Mapping[str, list[str | None] | None]", given)
    lists = [known.get(name) or [] for name in ("technicalTags", "userTags", "referenceTags")]
    return Words(*([word for word in words if word is not None] for words in lists))


def _read_analysis(submission: Mapping[str, Any], user_reference: str) -> Analysis:
    state: SubmissionState = submission["state"]
    results: Sequence[Mapping[str, Any]] = submission["results"]
    newest = results[-1] if results else None
    has_ended = state not in NOT_STARTED | GOING_ON
    started = submission["time_started"]
    if started is None and has_ended and newest is not None:
        started = newest["time_start"]
    times = [submission["created"], started, *((newest["time_stop"],) if newest is not None else ())]
    return Analysis(
        id=submission["id"],
        state=state,
        reference=_reference_of(user_reference, submission["id"]),
        created=write_time(submission["created"]),
        modified=write_time(max(each for each in times if each is not None)),
        started=None if started is None else write_time(started),
        ended=write_time(newest["time_stop"]) if has_ended and newest is not None else None,
        summary=submission["message"],
        owner=submission["creator"],
    )


def _reference_of(user_reference: str, identity: str) -> str:
    """Return a reference that no other analysis has, and that begins as the user's own."""
    return f"{user_reference[: _LONGEST_REFERENCE - len(identity) - 1]}-{identity}"
