"""What is measured: a row, its sides, and what is asked of it. Reads no clock and starts nothing."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

OURS, PEER = "cuelight", "peer"


@dataclass(frozen=True)
class Stage:
    """Where a measurement takes place: a directory of its own, and the interpreter that has the peer, if any."""

    directory: Path
    peer: Path | None = None


Take = Callable[[], float]
"""Measures once."""

Side = Callable[[Stage, int], AbstractContextManager[Take]]
"""Prepares one side of a row at a size, and gives what measures it once."""

Rounds = Mapping[str, Sequence[float]]
"""What was measured in each round, by side."""


class Asked(Protocol):
    """Something that is asked of a row."""

    def describe(self, unit: str) -> str:
        """Return it as a few words."""
        ...

    def is_met(self, rounds: Rounds, *, is_rate: bool) -> bool | None:
        """Whether it is, or None if a side that it needs was not measured."""
        ...


@dataclass(frozen=True)
class Row:
    """One figure of several sides; the first of its sizes is the one that is judged, the others show its growth."""

    name: str
    title: str
    unit: str
    sides: Mapping[str, Side]
    asked: tuple[Asked, ...] = ()
    sizes: tuple[int, ...] = (1,)
    is_rate: bool = False
    size_title: str = ""
    most_growth: float | None = None
    """How many times worse the figure may be at the largest size than at the first: None asks nothing."""


@dataclass(frozen=True)
class Reading:
    """What was measured of a row at one size."""

    size: int
    rounds: Rounds = field(default_factory=dict[str, list[float]])

    def median(self, side: str) -> float | None:
        """Return the middle of the rounds of a side, or None if it was not measured."""
        values = self.rounds.get(side)
        return statistics.median(values) if values else None

    def advantage(self, over: str, *, is_rate: bool) -> float | None:
        """Return how many times better we are than another side: the middle of what each round tells."""
        return advantage(self.rounds, over, is_rate=is_rate)


def advantage(rounds: Rounds, over: str, *, is_rate: bool) -> float | None:
    """Return how many times better we are than another side, or None where one of both was not measured."""
    ours, theirs = rounds.get(OURS), rounds.get(over)
    if not ours or not theirs:
        return None
    pairs = zip(ours, theirs, strict=True)
    # A difference of times may be nothing at all.
    return statistics.median([(a / max(b, 1e-9)) if is_rate else (b / max(a, 1e-9)) for a, b in pairs])


@dataclass(frozen=True)
class AtMost:
    """Our own figure is no more than this."""

    value: float

    def describe(self, unit: str) -> str:
        """Return it as a few words."""
        return f"<= {self.value:,g} {unit}"

    def is_met(self, rounds: Rounds, *, is_rate: bool) -> bool | None:
        """Whether it is."""
        del is_rate
        return statistics.median(rounds[OURS]) <= self.value


@dataclass(frozen=True)
class AtLeast:
    """Our own figure is no less than this."""

    value: float

    def describe(self, unit: str) -> str:
        """Return it as a few words."""
        return f">= {self.value:,g} {unit}"

    def is_met(self, rounds: Rounds, *, is_rate: bool) -> bool | None:
        """Whether it is."""
        del is_rate
        return statistics.median(rounds[OURS]) >= self.value


@dataclass(frozen=True)
class Times:
    """We are so many times better than another side; less than one allows us to be worse."""

    factor: float
    side: str = PEER

    def describe(self, unit: str) -> str:
        """Return it as a few words."""
        del unit
        return f">= {self.factor:g} x {self.side}"

    def is_met(self, rounds: Rounds, *, is_rate: bool) -> bool | None:
        """Whether it is."""
        reached = advantage(rounds, self.side, is_rate=is_rate)
        return None if reached is None else reached >= self.factor


@dataclass(frozen=True)
class Beyond:
    """Our own figure is no more than this above that of another side."""

    value: float
    side: str

    def describe(self, unit: str) -> str:
        """Return it as a few words."""
        return f"<= {self.side} + {self.value:,g} {unit}"

    def is_met(self, rounds: Rounds, *, is_rate: bool) -> bool | None:
        """Whether it is."""
        del is_rate
        others = rounds.get(self.side)
        if not others:
            return None
        return statistics.median(rounds[OURS]) <= statistics.median(others) + self.value
