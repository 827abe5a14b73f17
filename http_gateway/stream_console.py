"""The console topic of the stream: the newest output of manager and workers, in batches of numbered chunks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from http_gateway.stream_frames import Frame, make_frame, make_notice

CONSOLE_CHUNKS = 1000
CONSOLE_CHARACTERS = 1_000_000
FRAME_CHARACTERS = 64 * 1024
_CHUNK_CHARACTERS = 8192


class Console:
    """The newest console output, numbered by its time in microseconds, so that every gateway numbers it alike."""

    def __init__(self) -> None:
        self._chunks = _Chunks()
        self._fresh = _Chunks()
        self._lost = 0
        self._last = 0

    def add(self, time: float, text: str) -> None:
        """Keep a chunk of output; a very long one is shortened."""
        self._last = max(self._last + 1, round(time * 1e6))
        if len(text) > _CHUNK_CHARACTERS:
            text = f"{text[:_CHUNK_CHARACTERS]}… ({len(text) - _CHUNK_CHARACTERS} characters more)\n"
        chunk = {"seq": self._last, "time": time, "text": text}
        self._chunks.add(chunk)
        self._lost += self._fresh.add(chunk)

    def take_batch(self) -> list[Frame]:
        """Return what came since the last batch."""
        frames = [make_notice("gap", "console", gap=self._lost)] if self._lost else []
        frames += _console_frames(self._fresh.take())
        self._lost = 0
        return frames

    def since(self, seq: int | None) -> list[Frame]:
        """Return what came after number ``seq``; a snapshot, if that is unknown.

        What stands in the next batch is left out. Of a snapshot, only the first frame says that it is one.
        """
        kept = self._chunks.kept
        known = list(kept)[: len(kept) - len(self._fresh.kept)]
        if not known or seq == known[-1]["seq"]:
            return []
        if seq is None or not known[0]["seq"] <= seq <= known[-1]["seq"]:
            return _console_frames(known, snapshot=True)
        return _console_frames([chunk for chunk in known if chunk["seq"] > seq])


class _Chunks:
    """The newest chunks, bounded in number and size."""

    def __init__(self) -> None:
        self.kept: deque[dict[str, Any]] = deque()
        self._characters = 0

    def add(self, chunk: dict[str, Any]) -> int:
        """Add a chunk; return how many had to go."""
        self.kept.append(chunk)
        self._characters += len(chunk["text"])
        gone = 0
        while len(self.kept) > CONSOLE_CHUNKS or self._characters > CONSOLE_CHARACTERS:
            self._characters -= len(self.kept.popleft()["text"])
            gone += 1
        return gone

    def take(self) -> list[dict[str, Any]]:
        """Return all, and keep none."""
        taken = list(self.kept)
        self.kept.clear()
        self._characters = 0
        return taken


def _console_frames(chunks: Sequence[dict[str, Any]], *, snapshot: bool = False) -> list[Frame]:
    frames: list[Frame] = []
    for part in _split(chunks):
        content = {"chunks": part}
        made = make_frame("console", part[-1]["seq"], part[-1]["time"], content, snapshot=snapshot and not frames)
        frames.append(Frame(made.topic, made.text, made.seq, size=len(part)))
    return frames


def _split(chunks: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    characters = 0
    for chunk in chunks:
        if part and characters + len(chunk["text"]) > FRAME_CHARACTERS:
            yield part
            part, characters = [], 0
        part.append(chunk)
        characters += len(chunk["text"])
    if part:
        yield part
