"""The console topic of the stream: the newest output of manager and workers, in batches of numbered chunks."""

from __future__ import annotations

from collections import deque
from typing import Any

from http_gateway.stream_frames import Frame, make_frame, make_notice

CONSOLE_CHUNKS = 1000
_CHUNK_CHARACTERS = 8192


class Console:
    """The newest console output, numbered by its time in microseconds, so that every gateway numbers it alike."""

    def __init__(self) -> None:
        self._chunks: deque[dict[str, Any]] = deque(maxlen=CONSOLE_CHUNKS)
        self._fresh: deque[dict[str, Any]] = deque(maxlen=CONSOLE_CHUNKS)
        self._lost = 0
        self._last = 0

    def add(self, time: float, text: str) -> None:
        """Keep a chunk of output; a very long one is shortened."""
        self._last = max(self._last + 1, round(time * 1e6))
        if len(text) > _CHUNK_CHARACTERS:
            text = f"{text[:_CHUNK_CHARACTERS]}… ({len(text) - _CHUNK_CHARACTERS} characters more)\n"
        if len(self._fresh) == self._fresh.maxlen:
            self._lost += 1
        chunk = {"seq": self._last, "time": time, "text": text}
        self._chunks.append(chunk)
        self._fresh.append(chunk)

    def take_batch(self) -> list[Frame]:
        """Return what came since the last batch."""
        frames = [make_notice("gap", "console", gap=self._lost)] if self._lost else []
        if self._fresh:
            frames.append(_console_frame(list(self._fresh)))
        self._fresh.clear()
        self._lost = 0
        return frames

    def since(self, seq: int | None) -> list[Frame]:
        """Return what came after number ``seq``; a snapshot, if that is unknown.

        What stands in the next batch is left out.
        """
        known = list(self._chunks)[: len(self._chunks) - len(self._fresh)]
        if not known or seq == known[-1]["seq"]:
            return []
        if seq is None or not known[0]["seq"] <= seq <= known[-1]["seq"]:
            return [_console_frame(known, snapshot=True)]
        return [_console_frame([chunk for chunk in known if chunk["seq"] > seq])]


def _console_frame(chunks: list[dict[str, Any]], *, snapshot: bool = False) -> Frame:
    made = make_frame("console", chunks[-1]["seq"], chunks[-1]["time"], {"chunks": chunks}, snapshot=snapshot)
    return Frame(made.topic, made.text, made.seq, size=len(chunks))
