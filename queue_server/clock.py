"""Time and chance, injected everywhere: the only module of the manager that reads a clock or draws a random number."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field


class Clock(Protocol):
    """Where time comes from."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never steps back. For every deadline and interval."""
        ...

    def wall(self) -> float:
        """Return seconds since 1970-01-01 UTC, as the host believes. For display and records only."""
        ...


class SystemClock(Struct, frozen=True):
    """The clocks of the host."""

    def monotonic(self) -> float:
        """Return the monotonic clock of the host in seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Return the wall clock of the host in seconds since 1970-01-01 UTC."""
        return time.time()


STEP_S = 86_400.0
"""A larger difference is no step: the clock of the host had not been set when somebody first looked at it."""


def since_boot() -> float:
    """Return the seconds since the host was started, those included in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def take_anchor() -> float:
    """Return the seconds since 1970-01-01 UTC at which the host was started, as it believes now."""
    return time.time() - since_boot()


class AnchoredClock:
    """Wall time for what expires: an anchor plus what has passed since; setting the host's clock moves nothing.

    The end of a token, a session or a key is a wall time (RFC 7519 wants it so). Compared with the clock of the host,
    all of them would end at once, or live on, whenever that is set. Here they live as long as was said, by any step of
    up to a day. Processes with the same anchor agree to the microsecond; others, such as gateways that were started
    before and after a step, or on several hosts, differ by what their clocks differed when they started. A larger
    difference than a day is taken over at once: an unset clock must not keep old keys alive. A restart takes over all.

    Args:
        host: the clock whose wall time is taken over after a difference of more than a day.
        anchor_s: what ``take_anchor`` has returned; without it, that of now.
        elapsed: seconds since what the anchor belongs to; never steps.
    """

    def __init__(self, host: Clock, anchor_s: float | None = None, elapsed: Callable[[], float] = since_boot) -> None:
        self._host = host
        self._elapsed = elapsed
        self._anchor_s = host.wall() - elapsed() if anchor_s is None else anchor_s

    def monotonic(self) -> float:
        """Return the monotonic clock of the host in seconds."""
        return self._host.monotonic()

    def wall(self) -> float:
        """Return the seconds since 1970-01-01 UTC, as the host believed at the anchor."""
        now, shown = self._elapsed() + self._anchor_s, self._host.wall()
        if abs(shown - now) <= STEP_S:
            return now
        self._anchor_s += shown - now
        return shown


class ManualClock(Struct):
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


class Chance(Struct, frozen=True):
    """Where identifiers and jitter come from; seeded it repeats itself.

    Identifiers are UUIDs of version 7 (RFC 9562): the time in milliseconds, then 74 random bits. So rows that are
    written one after another stand side by side in an index, and a commit writes few pages of it.
    """

    source: random.Random = field(default_factory=random.SystemRandom)
    clock: Clock = field(default_factory=SystemClock)

    @classmethod
    def seeded(cls, seed: int) -> Chance:
        """Return a source that gives the same numbers for the same seed."""
        return cls(random.Random(seed), ManualClock())

    def identifier(self) -> str:
        """Return a new UUID as text."""
        return self.identifiers(1)[0]

    def identifiers(self, count: int) -> list[str]:
        """Return so many new UUIDs as text, in their order, drawn at once: one by one they cost a system call each."""
        digits = f"{self.source.getrandbits(76 * count):0{19 * count}x}" if count else ""
        time_ms = f"{int(self.clock.wall() * 1000):012x}"
        return sorted(_write_uuid(time_ms, digits[at : at + 19]) for at in range(0, 19 * count, 19))

    def secret(self) -> str:
        """Return a new secret of 256 random bits, as 64 hexadecimal digits."""
        return f"{self.source.getrandbits(256):064x}"

    def jitter(self, seconds: float) -> float:
        """Return a duration between half of ``seconds`` and all of it."""
        return seconds * (0.5 + self.source.random() / 2)


def _write_uuid(time_ms: str, digits: str) -> str:
    """Return 12 hexadecimal digits of time and 19 random ones as a UUID of version 7."""
    variant = "89ab"[int(digits[3], 16) % 4]
    return f"{time_ms[:8]}-{time_ms[8:]}-7{digits[:3]}-{variant}{digits[4:7]}-{digits[7:]}"


def until_beat(now_s: float, period_s: float) -> float:
    """Return the seconds from ``now_s`` to a multiple of ``period_s``: half a period at least, one and a half at most.

    What is due in each period at the same time costs an idle process one wake-up.
    """
    pause_s = period_s - now_s % period_s
    return pause_s if pause_s >= period_s / 2 else pause_s + period_s
