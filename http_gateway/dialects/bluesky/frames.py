"""One frame for many readers: encoded once, held for each in a bounded buffer that drops the oldest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager

MOST_WAITING = 1000
MOST_CHARACTERS = 8 * 1024**2


class Frames:
    """What waits for one reader."""

    def __init__(self, most: int) -> None:
        self._waiting: deque[str] = deque(maxlen=most)
        self._characters = 0
        self._came = asyncio.Event()

    def put(self, frame: str) -> None:
        """Add a frame; when there is no room, the oldest ones go."""
        waiting = self._waiting
        if len(waiting) == waiting.maxlen:
            self._characters -= len(waiting.popleft())
        waiting.append(frame)
        self._characters += len(frame)
        while self._characters > MOST_CHARACTERS and len(waiting) > 1:
            self._characters -= len(waiting.popleft())
        self._came.set()

    async def take(self) -> list[str]:
        """Wait until there are frames; return all of them, the oldest first."""
        await self._came.wait()
        self._came.clear()
        frames = list(self._waiting)
        self._waiting.clear()
        self._characters = 0
        return frames


class Broadcast:
    """Hands frames to all readers."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._readers: set[Frames] = set()

    @property
    def has_readers(self) -> bool:
        """Whether anybody reads."""
        return bool(self._readers)

    def send(self, frame: str) -> None:
        """Hand a frame to each reader."""
        for reader in self._readers:
            reader.put(frame)

    @contextmanager
    def read(self) -> Generator[Frames]:
        """Give a buffer that gets every frame from now on."""
        reader = Frames(self._most)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.remove(reader)
