"""Time and chance, injected everywhere: the only module of the manager that reads a clock or draws a random number."""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never steps back. For every deadline and interval."""
        ...

    def wall(self) -> float:
        """Return seconds since 1970-01-01 UTC, as the host believes. For display and records only."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The clocks of the host."""

    def monotonic(self) -> float:
        """Return the monotonic clock of the host in seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Return the wall clock of the host in seconds since 1970-01-01 UTC."""
        return time.time()


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until it is moved."""

    now_s: float = 0.0
    wall_offset_s: float = 1_700_000_000.0

    def monotonic(self) -> float:
        """Return the time that was set, in seconds."""
        return self.now_s

    def wall(self) -> float:
        """Return the time that was set plus the offset, in seconds."""
        return self.now_s + self.wall_offset_s

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self.now_s += seconds


@dataclass(frozen=True, slots=True)
class Chance:
    """Where identifiers and jitter come from; seeded it repeats itself."""

    source: random.Random = field(default_factory=random.SystemRandom)

    @classmethod
    def seeded(cls, seed: int) -> Chance:
        """Return a source that gives the same numbers for the same seed."""
        return cls(random.Random(seed))

    def identifier(self) -> str:
        """Return a new random UUID as text."""
        return str(uuid.UUID(int=self.source.getrandbits(128), version=4))

    def jitter(self, seconds: float) -> float:
        """Return a duration between half of ``seconds`` and all of it."""
        return seconds * (0.5 + self.source.random() / 2)
