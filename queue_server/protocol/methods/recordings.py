"""Declarations about recorded runs: which there are, and where their documents are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import Field, model_validator

from queue_server.protocol.link_values import Count, Whole, Word
from queue_server.protocol.method import Method, Params
from queue_server.protocol.run_reports import MOST_STREAMS, RUN_FILE_PATTERN

MOST_RUNS_TOGETHER = 500


class RunListParams(Params):
    """Which recorded runs to return."""

    plan: str | None = Field(default=None, max_length=128, description="Only runs of the plan of this name.")
    lane: str | None = Field(default=None, max_length=128, description="Only runs of this lane.")
    item_uid: str | None = Field(default=None, max_length=512, description="Only runs of this item.")
    submission: str | None = Field(
        default=None, max_length=512, description="Only runs of this submission: of an item with all its copies."
    )
    scan_id: int | None = Field(default=None, ge=-(2**63), lt=2**63, description="Only runs with this scan id.")
    time_from: float | None = Field(
        default=None, description="Only runs that began at this time or later, in seconds since 1970-01-01 UTC."
    )
    time_to: float | None = Field(
        default=None, description="Only runs that began before this time, in seconds since 1970-01-01 UTC."
    )
    limit: int = Field(default=100, ge=1, le=1_000, description="Largest number of runs.")
    cursor: str | None = Field(
        default=None, max_length=64, description="`next_cursor` of the page before; without it the first page."
    )


class RunGetParams(Params):
    """Which recorded run."""

    run_uid: str = Field(min_length=1, max_length=512, description="Uid of the run: of its start document.")


class RunEntry(Params):
    """A run as its file tells of it; what no file tells is left out."""

    uid: str = Field(min_length=1, max_length=512, description="uid of its start document")
    file: str = Field(pattern=RUN_FILE_PATTERN, min_length=1, description="its file, relative to the data directory")
    host: Word = Field(default="", description="host with that directory, if it is not the manager's")
    time_start: float = Field(allow_inf_nan=False, description="time of its start document")
    scan_id: Whole | None = None
    plan_name: Word = ""
    lane: Word = ""
    item_uid: str = Field(default="", max_length=512)
    submission: str = Field(default="", max_length=512)
    attempt: Count = 0
    exit_status: Word | None = Field(default=None, description="of its stop document, with time_stop")
    time_stop: float | None = Field(default=None, allow_inf_nan=False, description="time of its stop document")
    num_events: dict[Word, Count] = Field(
        default_factory=dict[str, int], max_length=MOST_STREAMS, description="events by stream"
    )

    @model_validator(mode="after")
    def _check_end(self) -> Self:
        if (self.exit_status is None) != (self.time_stop is None):
            raise ValueError("an end has both exit_status and time_stop")
        return self


class RunAddParams(Params):
    """The runs, and who adds them, for the event log."""

    runs: list[dict[str, Any]] = Field(max_length=MOST_RUNS_TOGETHER, description="The runs.")
    user: str | None = Field(default=None, max_length=128, description="Name of the person or program that asks.")
    user_group: str | None = Field(
        default=None, max_length=128, description="Group of the person or program that asks."
    )


@dataclass(frozen=True, slots=True)
class RunsAdded:
    """How many runs were not in the index as they were given."""

    added: int = 0


@dataclass(frozen=True, slots=True)
class RunPage:
    """Recorded runs, the newest first, and the cursor of the next page, if there is one."""

    runs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RunReply:
    """The recorded run."""

    run: dict[str, Any] = field(default_factory=dict[str, Any])


_RUN = (
    "A run has `uid`, `scan_id`, `plan_name`, `lane`, `item_uid`, `submission`, `attempt`, `is_open`, `exit_status` "
    "and `time_stop` (null if no stop document is known), `time_start`, `num_events` (events by stream, once it has "
    "ended), `file` (where its documents are, relative to the data directory; empty if they are in none) and `host` "
    "(where that directory is, empty if it is the manager's). The index keeps what it has when the history is cleared."
)

_FIELDS = tuple(RunEntry.model_fields)

METHODS: tuple[Method, ...] = (
    Method(
        name="run_list",
        summary="Return a page of the recorded runs, the newest first.",
        kind="read",
        scope="read:history",
        route=("GET", "/runs/list"),
        params=RunListParams,
        result=RunPage,
        notes=f"{_RUN} One of `item_uid`, `submission`, `scan_id`, `plan` and `lane`, the first that is given, and the "
        "times are looked up in an index; for the others at most 1,000 runs are examined, so that a page may be short, "
        "or empty, although `next_cursor` says that there are more.",
        example={"plan": "scan", "limit": 20},
    ),
    Method(
        name="run_get",
        summary="Return what is known of a recorded run.",
        kind="read",
        scope="read:history",
        route=("GET", "/run"),
        params=RunGetParams,
        result=RunReply,
        notes="Of several runs with that uid it is the newest.",
        example={"run_uid": "6b0a6c9e-0b0c-4a53-9d3c-6f1a4c1c7f0e"},
    ),
    Method(
        name="run_add",
        summary="Add runs to the index that it lacks, as their files tell of them.",
        kind="mutation",
        scope="write:history:edit",
        route=("POST", "/runs"),
        params=RunAddParams,
        result=RunsAdded,
        refusal="Failed to add runs: ",
        notes=f"Workers report their runs; this is for what no report has told, such as after an older backup was "
        f"restored, and for files that were copied. Fields of a run: {', '.join(f'`{name}`' for name in _FIELDS)}. A "
        "run that the index has by uid, attempt and file stays as it is, but has the end that is given if none was "
        "known. All of them or none.",
        example={
            "runs": [
                {
                    "uid": "6b0a6c9e-0b0c-4a53-9d3c-6f1a4c1c7f0e",
                    "file": "runs/2026-11/6b0a6c9e-0b0c-4a53-9d3c-6f1a4c1c7f0e.jsonl",
                    "time_start": 1795219200.0,
                }
            ]
        },
    ),
)
