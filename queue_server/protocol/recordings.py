"""Recorded runs: what the index knows of a Bluesky run whose documents are in a file. It reads no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from queue_server.protocol.items import AttemptKey


class RunEnd(Struct, frozen=True):
    """How a run has ended: its exit status, seconds since 1970-01-01 UTC, and its events by stream."""

    exit_status: str
    time_stop: float
    num_events: Mapping[str, int] = field(default_factory=dict[str, int])


class RecordedRun(Struct, frozen=True):
    """One run: whose it is, when it began, where its documents are, and how it has ended, if that is known.

    ``file`` is relative to the data directory of the worker, and empty if there is none; ``host`` is where that
    directory is, empty for the manager's own. ``place`` is the order of writing, 0 before that.
    """

    uid: str
    attempt: AttemptKey
    time_start: float
    scan_id: int | None = None
    plan_name: str = ""
    file: str = ""
    host: str = ""
    end: RunEnd | None = None
    place: int = 0

    def shown(self, *, is_open: bool) -> dict[str, Any]:
        """Return the map that clients see; ``is_open`` tells whether its attempt still runs."""
        end = self.end
        return {
            "uid": self.uid,
            "scan_id": self.scan_id,
            "plan_name": self.plan_name,
            "lane": self.attempt.lane,
            "item_uid": self.attempt.item_uid,
            "submission": self.attempt.submission,
            "attempt": self.attempt.number,
            "is_open": is_open and end is None,
            "exit_status": None if end is None else end.exit_status,
            "time_start": self.time_start,
            "time_stop": None if end is None else end.time_stop,
            "num_events": {} if end is None else dict(end.num_events),
            "file": self.file,
            "host": self.host,
        }


class RunFilter(Struct, frozen=True):
    """Which runs are meant: each condition that is not None; times are those of the start, the end exclusive."""

    item_uid: str | None = None
    submission: str | None = None
    scan_id: int | None = None
    plan_name: str | None = None
    lane: str | None = None
    time_from: float | None = None
    time_to: float | None = None

    def fits(self, run: RecordedRun) -> bool:
        """Return whether a run meets every condition but those of time."""
        known = (run.attempt.item_uid, run.attempt.submission, run.scan_id, run.plan_name, run.attempt.lane)
        asked = (self.item_uid, self.submission, self.scan_id, self.plan_name, self.lane)
        return all(one is None or one == other for one, other in zip(asked, known, strict=True))
