"""What waits for one reader of the stream: bounded buffers, one for each topic, that tell what they dropped."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import orjson

MOST_CHARACTERS = 8 * 1024**2
MOST_KEYS = 64
_SAFE_INTEGER = 2**53 - 1

Overflow = Literal["resync", "gap", "cut"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One message to a reader, encoded once for all of them.

    ``key`` tells values of one topic apart that replace each other; ``size`` counts what is lost with the frame; a
    frame that is ``counted`` waits for the reader's credit. With ``octets`` it is binary, and has no text.
    """

    topic: str
    text: str
    seq: int = 0
    key: str = ""
    size: int = 1
    counted: bool = True
    octets: bytes = b""


def make_frame(topic: str, seq: int, time: float, data: Any, *, key: str = "", snapshot: bool = False) -> Frame:
    """Return a frame with data; ``time`` in seconds since 1970-01-01 UTC."""
    content = {"topic": topic, "seq": seq, "time": time, **({"snapshot": True} if snapshot else {}), "data": data}
    return Frame(topic, _encode(content), seq, key)


def make_notice(op: str, topic: str, **values: Any) -> Frame:
    """Return a frame about a topic, such as an error, which needs no credit."""
    return Frame(topic, _encode({"op": op, "topic": topic, **values}), size=0, counted=False)


def make_control(op: str, **values: Any) -> Frame:
    """Return a frame about the connection, which needs no credit."""
    return Frame("", _encode({"op": op, **values}), size=0, counted=False)


def _encode(content: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(content, option=orjson.OPT_STRICT_INTEGER | orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # JavaScript has no greater integers without loss.
        return orjson.dumps(_spell(content), default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _spell(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > _SAFE_INTEGER:
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _spell(inner) for name, inner in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_spell(inner) for inner in cast("list[Any]", value)]
    return value


class Buffer(Protocol):
    """What one reader has of one topic. It holds everything back until it was filled with the beginning."""

    @property
    def dropped(self) -> int:
        """How much was thrown away because the reader is slow."""
        ...

    @property
    def is_overrun(self) -> bool:
        """Whether the reader is too far behind to go on."""
        ...

    def put(self, frame: Frame) -> None:
        """Add what is new."""
        ...

    def fill(self, frames: Iterable[Frame]) -> None:
        """Put the beginning in front of what is new, and hold nothing back any more."""
        ...

    def due_s(self) -> float | None:
        """Return the monotonic time at which a frame may go; None if there is none."""
        ...

    def take(self, now_s: float) -> Frame:
        """Return the frame that is due."""
        ...


class LatestBuffer:
    """Keeps the newest frame for each of ``most_keys`` keys, and lets each go at most every ``least_s`` seconds."""

    def __init__(self, least_s: float, most_keys: int = MOST_KEYS) -> None:
        self._least_s = least_s
        self._most_keys = most_keys
        self._waiting: dict[str, Frame] = {}
        self._free_s: dict[str, float] = {}
        self._is_held = True
        self.dropped = 0
        self.is_overrun = False

    def put(self, frame: Frame) -> None:
        """Replace the frame of this key; that is no loss."""
        if frame.key not in self._waiting and len(self._waiting) >= self._most_keys:
            self.dropped += 1
            return
        self._waiting[frame.key] = frame

    def fill(self, frames: Iterable[Frame]) -> None:
        """Begin, unless something newer is there."""
        for frame in frames:
            self._waiting.setdefault(frame.key, frame)
        self._is_held = False

    def due_s(self) -> float | None:
        """Return when the first key is free; None if nothing waits."""
        if self._is_held or not self._waiting:
            return None
        return min(self._free_s.get(key, 0.0) for key in self._waiting)

    def take(self, now_s: float) -> Frame:
        """Return the frame whose key is free for the longest time."""
        key = min(self._waiting, key=lambda known: self._free_s.get(known, 0.0))
        if len(self._free_s) >= self._most_keys:
            self._free_s = {known: free_s for known, free_s in self._free_s.items() if free_s > now_s}
        self._free_s[key] = now_s + self._least_s
        return self._waiting.pop(key)


class OrderedBuffer:
    """Keeps at most ``most`` frames in order, and of large ones fewer.

    One more, and as ``overflow`` says, all of them give way to a request to read anew, the oldest one goes and is
    counted, or the reader has to be cut.
    """

    def __init__(self, topic: str, most: int, overflow: Overflow) -> None:
        self._topic = topic
        self._most = most
        self._overflow: Overflow = overflow
        self._waiting: deque[Frame] = deque()
        self._characters = 0
        self._lost = 0
        self._is_held = True
        self.dropped = 0
        self.is_overrun = False

    def put(self, frame: Frame) -> None:
        """Add a frame at the end."""
        self._characters += len(frame.text)
        while self._waiting and (len(self._waiting) >= self._most or self._characters > MOST_CHARACTERS):
            self._make_room()
        self._waiting.append(frame)

    def fill(self, frames: Iterable[Frame]) -> None:
        """Put the beginning in front."""
        for frame in reversed(list(frames)):
            self._waiting.appendleft(frame)
            self._characters += len(frame.text)
        self._is_held = False

    def due_s(self) -> float | None:
        """Return 0, the past; None if nothing waits."""
        return None if self._is_held or not self._waiting else 0.0

    def take(self, now_s: float) -> Frame:
        """Return the next frame; what was lost is told first."""
        if self._lost:
            lost, self._lost = self._lost, 0
            if self._overflow == "resync":
                return make_notice("resync", self._topic)
            return make_notice("gap", self._topic, gap=lost)
        return self._pop()

    def _make_room(self) -> None:
        if self._overflow == "cut":
            self.is_overrun = True
        going = 1 if self._overflow == "gap" else len(self._waiting)
        lost = sum(self._pop().size for _ in range(going))
        self._lost += lost
        self.dropped += lost

    def _pop(self) -> Frame:
        frame = self._waiting.popleft()
        self._characters -= len(frame.text)
        return frame
