"""Declarations about results: what is known of each attempt that has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from queue_server.protocol.items import Outcome
from queue_server.protocol.method import Method, Params

MOST_RESULTS = 1_000


class ResultGetParams(Params):
    """Which attempt: that of an item, or one of a submission, without a number the newest."""

    item_uid: str | None = Field(default=None, min_length=1, max_length=512, description="The item.")
    submission_id: str | None = Field(default=None, min_length=1, max_length=512, description="The submission.")
    attempt: int | None = Field(default=None, ge=1, lt=2**63, description="Number of the attempt in its submission.")


class ResultListParams(Params):
    """Which attempts: the newest of a submission, or a page of all in the history that fit."""

    submission_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="Only attempts of this submission; then there is no filter.",
    )
    name: str | None = Field(default=None, max_length=128, description="Only items of this name.")
    lane: str | None = Field(default=None, max_length=128, description="Only items of this lane.")
    outcome: Outcome | None = Field(default=None, description="Only attempts that ended so.")
    limit: int = Field(default=100, ge=1, le=MOST_RESULTS, description="Largest number of attempts.")
    before: int | None = Field(
        default=None, ge=1, lt=2**63, description="`before` of the page before; without it the newest attempts."
    )


@dataclass(frozen=True, slots=True)
class ResultReply:
    """How the attempt ended, and what it produced."""

    result: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Attempts, the oldest first, and the cursor of the page with older ones; null if there are none."""

    results: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    before: int | None = None


_RESULT = (
    "A result has `submission_id`, `lane`, `name` (of the item; empty where that is forgotten), `attempt`, `item_uid`, "
    "`outcome`, `time_start`, `time_stop`, `message`, `run_uids`, `metrics` (values by the columns of the result "
    "schema), `metrics_error` (why there are none, although there is a schema) and `files` (each with `id`, `name`, "
    "`artifact_id`, `size_bytes`, `content_type` and `created`)."
)

METHODS: tuple[Method, ...] = (
    Method(
        name="result_get",
        summary="Return how an attempt ended, and what it produced.",
        kind="read",
        scope="read:history",
        route=("GET", "/result"),
        params=ResultGetParams,
        result=ResultReply,
        notes=f"Give either `item_uid`, or `submission_id` and perhaps `attempt`. {_RESULT} What came from a workflow "
        "or in a batch keeps its results when the history is cleared; of other items they are those of the history.",
        example={"item_uid": "0a1b2c3d"},
    ),
    Method(
        name="result_list",
        summary="Return the results of attempts: of a submission, or of the items in the history.",
        kind="read",
        scope="read:history",
        route=("GET", "/results"),
        params=ResultListParams,
        result=ResultPage,
        notes=f"{_RESULT} One of `name` and `outcome` is looked up in an index; for what remains at most 1,000 entries "
        "of the history are examined, so that a page may be short, or empty, although `before` says that there are "
        "more. For a submission, `limit` gives the newest attempts, and there is no other page.",
        example={"name": "scan", "limit": 20},
    ),
)
