"""How much one worker may have under way, and how much of what it says in vain is recorded. Reads no message.

A worker in order stays far below all of it; whatever runs inside of one must not take the manager's memory or disk.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, cast

MOST_WAITING = 4_000
"""Reports of one worker that wait for their commit."""

MOST_WAITING_BYTES = 2 * 1024 * 1024
"""Twice the window of a worker: one that has lost its connection sends what waits again."""

MOST_RECORDED = 1_000
"""Reports of one worker that are recorded although they changed nothing."""

LONGEST_TEXT = 2_000
MOST_ENTRIES = 100


class Allowance:
    """Counts what each worker has under way, by incarnation."""

    def __init__(self) -> None:
        self._reports: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._recorded: Counter[str] = Counter()
        self._latest: dict[tuple[str, str], Callable[[], asyncio.Future[Any]] | None] = {}

    def has_room(self, incarnation: str, size_bytes: int) -> bool:
        """Whether a report may be taken; by its size alone none is refused where nothing else waits."""
        waiting = self._reports[incarnation]
        fits = self._bytes[incarnation] + size_bytes <= MOST_WAITING_BYTES
        return not waiting or (waiting < MOST_WAITING and fits)

    def enter(self, incarnation: str, size_bytes: int, answer: asyncio.Future[Any]) -> None:
        """A report waits until there is an answer."""
        self._reports[incarnation] += 1
        self._bytes[incarnation] += size_bytes
        answer.add_done_callback(lambda _: self._leave(incarnation, size_bytes))

    def _leave(self, incarnation: str, size_bytes: int) -> None:
        self._reports[incarnation] -= 1
        self._bytes[incarnation] -= size_bytes
        if not self._reports[incarnation]:
            del self._reports[incarnation], self._bytes[incarnation]

    def take_latest(self, kind: str, incarnation: str, post: Callable[[], asyncio.Future[Any]]) -> None:
        """Post what tells how things are now; while one is under way only the last of those that follow is kept."""
        key = (kind, incarnation)
        if key in self._latest:
            self._latest[key] = post
            return
        self._latest[key] = None
        post().add_done_callback(lambda _: self._go_on(key))

    def _go_on(self, key: tuple[str, str]) -> None:
        post = self._latest.pop(key)
        if post is not None:
            self.take_latest(*key, post)

    def may_record(self, incarnation: str) -> bool:
        """Whether one more report that changed nothing is to be recorded; called once for each."""
        self._recorded[incarnation] += 1
        return self._recorded[incarnation] <= MOST_RECORDED

    def is_last(self, incarnation: str) -> bool:
        """Whether the report that was counted just now is the last one that is recorded."""
        return self._recorded[incarnation] == MOST_RECORDED

    def forget(self, incarnation: str) -> None:
        """Begin anew with what has been recorded: the worker is gone."""
        self._recorded.pop(incarnation, None)


def cut(value: object) -> object:
    """Return a value of a report with long texts and lists cut down to what a record needs of them."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}[... {len(value)} characters]"
    if isinstance(value, Mapping):
        entries = islice(cast("Mapping[object, object]", value).items(), MOST_ENTRIES)
        return {cut(name): cut(each) for name, each in entries}
    if isinstance(value, (list, tuple)):
        return [cut(each) for each in islice(cast("Iterable[object]", value), MOST_ENTRIES)]
    return value
