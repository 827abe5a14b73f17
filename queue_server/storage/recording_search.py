"""How far one search among recorded runs goes, and where the next one begins; both stores search by these rules."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from queue_server.protocol.cursors import foreign_cursor
from queue_server.protocol.recordings import RecordedRun, RunFilter
from queue_server.storage.recording_base import RecordingPart

RECORDING_WINDOW = 1_000
"""Runs that one search examines for what no index knows: some ten milliseconds, in which everybody else waits."""

_CURSOR = re.compile(r"(-?[0-9.]{1,24}(?:e[+-]?[0-9]{1,3})?)_([0-9]{1,18})")

RecordingKey = Literal["item_uid", "submission", "scan_id", "plan_name", "lane"]
KEYS: tuple[RecordingKey, ...] = ("item_uid", "submission", "scan_id", "plan_name", "lane")

Spot = tuple[float, int]
"""When a run began and its place: the order of a list."""


class RecordingSearch(NamedTuple):
    """The condition that an index finds, if there is one; from where to where; how many runs are examined."""

    key: RecordingKey | None
    value: str | int | None
    before: Spot
    time_from: float
    at_most: int

    @property
    def looked_up(self) -> RunFilter:
        """What that index finds."""
        return RunFilter() if self.key is None else replace(RunFilter(), **{self.key: self.value})


def plan_recording_search(wanted: RunFilter, limit: int, cursor: str | None) -> RecordingSearch:
    """Return how runs are looked for.

    Raises:
        ParameterError: no list gives such a cursor.
    """
    before = _read_cursor(cursor)
    if wanted.time_to is not None:
        before = min(before, (float(wanted.time_to), 0))
    time_from = -sys.float_info.max if wanted.time_from is None else float(wanted.time_from)
    conditions = replace(wanted, time_from=None, time_to=None)
    for key in KEYS:
        value = getattr(wanted, key)
        if value is not None:
            rest = replace(conditions, **{key: None})
            at_most = limit if rest == RunFilter() else RECORDING_WINDOW
            return RecordingSearch(key, value, before, time_from, at_most)
    return RecordingSearch(None, None, before, time_from, limit)


def take_recordings(
    examined: Sequence[RecordedRun], wanted: RunFilter, limit: int, search: RecordingSearch
) -> RecordingPart:
    """Return the runs that fit; ``examined`` has the newest first, one more than is looked at where there are more."""
    has_more = len(examined) > search.at_most
    looked_at = examined[: search.at_most]
    found: list[RecordedRun] = []
    for number, run in enumerate(looked_at, 1):
        if wanted.fits(run):
            found.append(run)
        if len(found) == limit:
            is_last = number == len(looked_at) and not has_more
            return RecordingPart(found, None if is_last else _write_cursor(run))
    return RecordingPart(found, _write_cursor(looked_at[-1]) if has_more else None)


def _write_cursor(run: RecordedRun) -> str:
    return f"{run.time_start!r}_{run.place}"


def _read_cursor(cursor: str | None) -> Spot:
    if cursor is None:
        return sys.float_info.max, 0
    match = _CURSOR.fullmatch(cursor)
    try:
        if match is not None:
            return float(match[1]), int(match[2])
    except ValueError:
        pass
    raise foreign_cursor()
