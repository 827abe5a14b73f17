"""Telegrams: the latest progress and metadata, bounded console text, and the heartbeat. Opens no sockets."""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import lru_cache

from queue_server.protocol.device_link import DeviceReading
from queue_server.protocol.worker_link import Console, Heartbeat, Metadata, Progress, StopReport, pack

Answer = StopReport | DeviceReading
"""What somebody waits for, so that it leaves first."""

CONSOLE_LIMIT_CHARS = 256 * 1024
CHUNK_LIMIT_CHARS = 32 * 1024


class ConsoleText:
    """What was printed and is not sent yet; when there is too much, the oldest chunks go and are counted.

    What is printed in quick succession leaves together, once per interval.
    """

    def __init__(self, interval_s: float = 0.0, limit_chars: int = CONSOLE_LIMIT_CHARS) -> None:
        self._interval_s = interval_s
        self._limit_chars = limit_chars
        self._due_s = 0.0
        self._guard = threading.Lock()
        self._chunks: deque[tuple[float, str]] = deque()
        self._size_chars = 0
        self._dropped = 0

    def put(self, text: str) -> bool:
        """Add a chunk; return whether it is the first that waits."""
        now = time.time()
        if not text.isascii():
            # What is not valid Unicode (file names, for example) could not be sent.
            text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        with self._guard:
            was_empty = not self._chunks
            for start in range(0, len(text), CHUNK_LIMIT_CHARS):
                self._chunks.append((now, text[start : start + CHUNK_LIMIT_CHARS]))
            self._size_chars += len(text)
            while self._size_chars > self._limit_chars:
                self._size_chars -= len(self._chunks.popleft()[1])
                self._dropped += 1
        return was_empty

    def due_s(self) -> float | None:
        """Return the monotonic time at which what waits may be sent; None when nothing waits."""
        return self._due_s if self._chunks else None

    def take(self, now_s: float) -> Console | None:
        """Return what waits as one telegram, as far as one may hold it; None when nothing waits.

        When that was all, the next interval begins.
        """
        with self._guard:
            if not self._chunks:
                return None
            first_time = self._chunks[0][0]
            parts: list[str] = []
            size_chars = 0
            while self._chunks and size_chars + len(self._chunks[0][1]) <= CHUNK_LIMIT_CHARS:
                parts.append(self._chunks.popleft()[1])
                size_chars += len(parts[-1])
            self._size_chars -= size_chars
            dropped, self._dropped = self._dropped, 0
            self._due_s = 0.0 if self._chunks else now_s + self._interval_s
        return Console(time=first_time, text="".join(parts), dropped=dropped)

    def give_back(self, console: Console) -> None:
        """Put a telegram that could not be sent back to the front."""
        with self._guard:
            self._chunks.appendleft((console.time, console.text))
            self._size_chars += len(console.text)
            self._dropped += console.dropped


class LatestProgress:
    """The newest progress, due at most once per interval, so that a fast plan does not flood the link."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._guard = threading.Lock()
        self._waiting: Progress | None = None
        self._due_s = 0.0

    def put(self, progress: Progress) -> bool:
        """Replace what waits; return whether nothing waited before."""
        with self._guard:
            was_empty, self._waiting = self._waiting is None, progress
        return was_empty

    def due_s(self) -> float | None:
        """Return the monotonic time at which what waits may be sent; None when nothing waits."""
        return None if self._waiting is None else self._due_s

    def take(self, now_s: float) -> Progress | None:
        """Return what waits, whether it is due or not, and begin the next interval."""
        with self._guard:
            progress, self._waiting = self._waiting, None
            if progress is not None:
                self._due_s = now_s + self._interval_s
        return progress


class LatestMetadata:
    """The newest metadata: sent once, and again on each new connection."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._latest: Metadata | None = None
        self._is_waiting = False

    def put(self, metadata: Metadata) -> None:
        """Replace what was there."""
        with self._guard:
            self._latest, self._is_waiting = metadata, True

    def renew(self) -> None:
        """Let the latest metadata wait again: the manager is another one, or may have forgotten them."""
        with self._guard:
            self._is_waiting = self._latest is not None

    def take(self) -> Metadata | None:
        """Return what waits; None when nothing does."""
        with self._guard:
            waiting, self._is_waiting = self._is_waiting, False
            return self._latest if waiting else None


@lru_cache(maxsize=1)
def pack_heartbeat(main_thread_age_s: float) -> bytes:
    """Return the frame of a heartbeat, which is the same as long as the RunEngine answers."""
    return pack(Heartbeat(main_thread_age_s=main_thread_age_s))
