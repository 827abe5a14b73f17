"""Rankings: the order in which the successful attempts at a workflow stand by their metrics. It sorts nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from queue_server.protocol.items import Outcome
from queue_server.protocol.submissions import MetricValue

RANKED_OUTCOMES: Final[frozenset[Outcome]] = frozenset(("completed", "stopped"))
"""Attempts that count as successful."""

MOST_RANKED_COLUMNS: Final = 32
"""How many columns a workflow may have, in all its versions together."""


class SortColumn(Struct, frozen=True):
    """A column to sort by."""

    name: str
    descending: bool = True


class RankedRun(Struct, frozen=True):
    """A successful attempt with metrics. Runs of one group compete; a run without a group stands by itself."""

    submission: str
    attempt: int

    def plain(self) -> list[str | int]:
        """Return it as a value of JSON."""
        return [self.submission, self.attempt]


class RankEntry(Struct, frozen=True):
    """What a ranking knows of a run. Times are seconds since 1970-01-01 UTC."""

    workflow: str
    run: RankedRun
    group: str | None
    time_stop: float
    values: Mapping[str, MetricValue]

    @property
    def entrant(self) -> str:
        """Whose best run is kept: the group, or the submission itself."""
        return f"s:{self.run.submission}" if self.group is None else f"g:{self.group}"


class PostprocessingRun(Struct, frozen=True):
    """A submission that works on the files of ranked runs, which are those of its start."""

    workflow: str
    submission: str
    ranked: Sequence[RankedRun]
    has_succeeded: bool = False


def comparable(value: MetricValue | None) -> int | float | str | None:
    """Return what a value is compared by; None if it is as good as missing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    # A lone surrogate is no text that could be stored.
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def read_runs(plain: Iterable[Sequence[str | int]]) -> tuple[RankedRun, ...]:
    """Return runs that were written as values of JSON."""
    return tuple(RankedRun(str(submission), int(attempt)) for submission, attempt in plain)
