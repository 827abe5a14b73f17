"""The inbox: what waits for the next turn, in order of arrival. It knows nothing of what the entries do."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from queue_server.engine.perform import Done, tell
from queue_server.engine.turn import Turn

Work = Callable[[Turn], Any]

# How long an entry waits for company that nobody waits for: a commit of its own would only hold up what comes next.
COMPANY_S = 0.002

# How soon a turn that the store had no room for is tried again, if nothing else asks for one before.
RETRY_S = 1.0


class Entry(Struct, frozen=True):
    """One piece of work, and who is told its result; one that ``insists`` outlasts a full store.

    ``tell`` is called once, with None if the work will never be done.
    """

    work: Work
    tell: Callable[[Done | None], None]
    insists: bool = False


class Inbox:
    """Entries for the turns to come."""

    def __init__(self, retry_s: float = RETRY_S) -> None:
        self._retry_s = retry_s
        self._entries: deque[Entry] = deque()
        self._wake = asyncio.Event()
        self._retry: asyncio.TimerHandle | None = None
        self._is_closed = False

    def put(self, entry: Entry, *, may_wait: bool = False) -> None:
        """Append an entry; after the end it is cancelled at once. One that may wait shares the next turn of others."""
        if self._is_closed:
            tell(entry.tell, None)
            return
        self._entries.append(entry)
        if not may_wait:
            self._wake.set()
        elif not self._wake.is_set():
            asyncio.get_running_loop().call_later(COMPANY_S, self._wake.set)

    def put_back(self, entries: Sequence[Entry]) -> None:
        """Put entries that could not be done in front again; without anybody else they are due after a while."""
        self._entries.extendleft(reversed(entries))
        if all(entry.insists for entry in self._entries):
            self._wake.clear()
            self._forget_retry()
            self._retry = asyncio.get_running_loop().call_later(self._retry_s, self._wake.set)

    async def take(self, most: int) -> list[Entry]:
        """Wait until something waits, then return it, oldest first, at most ``most`` entries."""
        while not self._entries:
            self._wake.clear()
            await self._wake.wait()
        await self._wake.wait()
        taken = [self._entries.popleft() for _ in range(min(len(self._entries), most))]
        if not self._entries:
            self._wake.clear()
        return taken

    def close(self) -> None:
        """Cancel what waits, and whatever comes from now on."""
        self._is_closed = True
        self._forget_retry()
        while self._entries:
            tell(self._entries.popleft().tell, None)

    def _forget_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
