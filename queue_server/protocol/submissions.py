"""Submissions that are followed: work that came from a workflow or in a batch, and the results of its attempts.

A submission is the stable identity of a piece of work; retries and copies are further items of it. Its record outlives
the queue and the history. It knows no store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from queue_server.protocol.items import Outcome

Processing = Literal["waiting", "running", "succeeded", "failed"]
"""How far the creation of the items of a submission is; what becomes of the items is its state."""
PROCESSING: tuple[Processing, ...] = ("waiting", "running", "succeeded", "failed")

SubmissionState = Literal[
    "queued",
    "held",
    "running",
    "paused",
    "uploading",
    "completed",
    "stopped",
    "aborted",
    "halted",
    "failed",
    "unknown",
    "removed",
]
"""Derived, and kept nowhere: what the living item is in, else how the newest attempt ended, else ``removed``."""

StoredState = Literal[
    "queued", "held", "running", "completed", "stopped", "aborted", "halted", "failed", "unknown", "removed"
]
"""The states that a store can tell apart; that a plan is paused or its files are taken is known to the engine only."""

MetricValue = int | float | str


class ResultFile(Struct, frozen=True):
    """A file that an attempt has left behind; ``id`` is random, so that nobody guesses it."""

    id: str
    name: str
    artifact_id: str
    size_bytes: int
    content_type: str
    created: float

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        return {
            "id": self.id,
            "name": self.name,
            "artifact_id": self.artifact_id,
            "size_bytes": self.size_bytes,
            "content_type": self.content_type,
            "created": self.created,
        }


class AttemptResult(Struct, frozen=True):
    """How one attempt of a submission ended, and what it produced; times are seconds since 1970-01-01 UTC."""

    submission: str
    attempt: int
    item_uid: str
    outcome: Outcome
    time_start: float
    time_stop: float
    message: str = ""
    run_uids: tuple[str, ...] = ()
    metrics: Mapping[str, MetricValue] = field(default_factory=dict[str, MetricValue])
    metrics_error: str = ""
    files: tuple[ResultFile, ...] = ()

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see."""
        return {
            "attempt": self.attempt,
            "item_uid": self.item_uid,
            "outcome": self.outcome,
            "time_start": self.time_start,
            "time_stop": self.time_stop,
            "message": self.message,
            "run_uids": list(self.run_uids),
            "metrics": dict(self.metrics),
            "metrics_error": self.metrics_error,
            "files": [file.shown() for file in self.files],
        }


class Submission(Struct, frozen=True):
    """What is known of a piece of work from its beginning on; nothing of it changes.

    ``batch`` and ``ordinal`` say where it stands in its batch, ``identity`` is the id of that batch item. ``content``
    has the arguments, and whatever else was said when it was submitted.
    """

    uid: str
    lane: str
    creator: str
    created: float
    workflow: str | None = None
    version: int = 0
    group: str | None = None
    batch: str | None = None
    ordinal: int = 0
    identity: str = ""
    reference: str = ""
    processing: Processing = "succeeded"
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])


class LivingItem(Struct, frozen=True):
    """The item of a submission that has not ended."""

    uid: str
    state: Literal["queued", "held", "running"]
    attempt: int
    reason: str
    time_start: float | None = None
    """When its attempt was begun; None while it waits."""


class SubmissionFilter(Struct, frozen=True):
    """Which submissions are meant; what is None does not matter."""

    workflow: str | None = None
    group: str | None = None
    batch: str | None = None
    processing: frozenset[Processing] | None = None
    states: frozenset[StoredState] | None = None


class FollowedSubmission(Struct, frozen=True):
    """A submission with what has become of it: its living item, if it has one, and the results so far in order."""

    submission: Submission
    living: LivingItem | None
    results: Sequence[AttemptResult]

    @property
    def state(self) -> StoredState:
        """What has become of it, as far as a store can tell."""
        if self.living is not None:
            return self.living.state
        return self.results[-1].outcome if self.results else "removed"

    @property
    def message(self) -> str:
        """Why it is held, or why its newest attempt did not end well."""
        if self.living is not None:
            return self.living.reason
        return self.results[-1].message if self.results else ""

    @property
    def item_uid(self) -> str:
        """The uid of its living item, or of the one that ended last; empty if it has had none that is known."""
        if self.living is not None:
            return self.living.uid
        return self.results[-1].item_uid if self.results else ""

    def shown(self, state: SubmissionState | None = None) -> dict[str, Any]:
        """Return the map that clients see; ``state`` is what the engine knows better than the store."""
        submission = self.submission
        content = submission.content
        return {
            "id": submission.uid,
            "lane": submission.lane,
            "state": state or self.state,
            "message": self.message,
            "workflow_id": submission.workflow,
            "workflow_version": submission.version,
            "group_id": submission.group,
            "batch_id": submission.batch,
            "ordinal": submission.ordinal,
            "item_id": submission.identity,
            "reference": submission.reference,
            "processing": submission.processing,
            "created": submission.created,
            "creator": submission.creator,
            "project": content.get("project", ""),
            "arguments": content.get("arguments", {}),
            "tags": content.get("tags", []),
            "request": content.get("request"),
            "steps": content.get("steps", []),
            "item_uid": self.item_uid,
            "results": [result.shown() for result in self.results],
            "time_started": None if self.living is None else self.living.time_start,
        }
