"""Tells when a worker falls silent or its plan blocks, and when it speaks again. Nothing is killed because of it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

SILENT_AFTER_S = 3.0
BLOCKED_AFTER_S = 2.0
"""A heartbeat tells it up to 1 s later."""


class Heard(Protocol):
    """Whoever wants to know."""

    def __call__(self, lane: str, incarnation: str, *, answering: bool) -> None:
        """A worker has fallen silent, or speaks again."""
        ...


class _Watch(Struct, frozen=True):
    lane: str
    timer: asyncio.TimerHandle
    answering: bool = True


class Heartbeats:
    """One deadline for each worker, put off by each heartbeat."""

    def __init__(self, heard: Heard, silent_after_s: float = SILENT_AFTER_S) -> None:
        self._heard = heard
        self._silent_after_s = silent_after_s
        self._watches: dict[str, _Watch] = {}

    def expect(self, lane: str, incarnation: str) -> None:
        """Begin to watch a worker that has just said hello."""
        self._renew(lane, incarnation, answering=True)

    def beat(self, lane: str, incarnation: str, main_thread_age_s: float) -> None:
        """Note a heartbeat; a RunEngine that has not answered for long counts as silence."""
        self._renew(lane, incarnation, answering=main_thread_age_s < BLOCKED_AFTER_S)

    def forget(self, incarnation: str) -> None:
        """Stop watching a worker."""
        watch = self._watches.pop(incarnation, None)
        if watch is not None:
            watch.timer.cancel()

    def close(self) -> None:
        """Stop watching all workers."""
        for incarnation in list(self._watches):
            self.forget(incarnation)

    def _renew(self, lane: str, incarnation: str, *, answering: bool) -> None:
        old = self._watches.get(incarnation)
        if old is not None:
            old.timer.cancel()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._silent_after_s, self._miss, incarnation)
        self._watches[incarnation] = _Watch(lane, timer, answering)
        if old is not None and old.answering != answering:
            self._heard(lane, incarnation, answering=answering)

    def _miss(self, incarnation: str) -> None:
        watch = self._watches.get(incarnation)
        if watch is not None and watch.answering:
            self._watches[incarnation] = replace(watch, answering=False)
            self._heard(watch.lane, incarnation, answering=False)
