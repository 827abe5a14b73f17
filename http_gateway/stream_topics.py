"""The topics of the stream: what each needs, how it treats slow readers, and how a client asks for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from http_gateway.device_stream.topics import read_device_topic
from http_gateway.errors import GatewayError
from http_gateway.run_stream.frames import Form
from http_gateway.run_stream.topics import EVERY, read_run_topic
from http_gateway.stream_frames import Buffer, LatestBuffer, OrderedBuffer, Overflow
from queue_server.protocol.errors import ParameterError

MOST_TOPICS = 32
LEAST_HZ = 0.1


class TopicError(GatewayError):
    """There is no such topic."""

    code = "topic"
    http_status = 404


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: ``latest`` keeps the newest value at no more than ``most_hz``, the others keep the order.

    ``log`` topics are numbered by the event log, ``output`` by its time in microseconds, ``latest`` ones by what they
    show, ``run`` ones by the documents of the run, ``device`` ones by what the worker has told. ``most`` bounds how
    many frames wait for one reader.
    """

    name: str
    scope: str
    kind: Literal["latest", "log", "output", "run", "device"]
    most_hz: float = 0.0
    most: int = 0
    overflow: Overflow = "resync"

    @property
    def is_resumable(self) -> bool:
        """Whether a client that names the last number it knows gets only what it missed."""
        return self.kind not in ("latest", "device")

    def make_buffer(self, hz: float | None) -> Buffer:
        """Return an empty buffer for one reader."""
        if self.kind == "latest":
            return LatestBuffer(1 / min(hz or self.most_hz, self.most_hz))
        return OrderedBuffer(self.name, self.most, self.overflow)


TOPICS: Final[Mapping[str, Topic]] = {
    topic.name: topic
    for topic in (
        Topic("hb", "read:status", "latest", most_hz=1),
        Topic("status", "read:status", "latest", most_hz=10),
        Topic("lock", "read:lock", "latest", most_hz=10),
        Topic("progress", "read:monitor", "latest", most_hz=5),
        Topic("queue", "read:queue", "log", most=256, overflow="resync"),
        Topic("history", "read:history", "log", most=256, overflow="resync"),
        Topic("events", "read:monitor", "log", most=1024, overflow="cut"),
        Topic("alarms", "read:monitor", "log", most=256, overflow="cut"),
        Topic("console", "read:console", "output", most=64, overflow="gap"),
    )
}

_QUEUE_EVENTS = frozenset(
    ("queue_clear", "queue_undo", "item_started", "item_held", "instruction_reached", "copy_withdrawn")
)
_RUN_SCOPE = "read:history"
# That of the method that reads a device.
_DEVICE_SCOPE = "read:devices"


def topics_of_event(kind: str) -> tuple[str, ...]:
    """Return the topics in which an event of the log appears, beside ``events``."""
    if kind == "item_finished":
        return ("queue", "history")
    if kind.startswith("queue_item_") or kind in _QUEUE_EVENTS:
        return ("queue",)
    return ("history",) if kind == "history_clear" else ()


def find_topic(name: str) -> Topic:
    """Return a topic.

    Raises:
        TopicError: there is none of this name.
    """
    if name in TOPICS:
        return TOPICS[name]
    if read_run_topic(name) is not None:
        return Topic(name, _RUN_SCOPE, "run")
    if read_device_topic(name) is not None:
        return Topic(name, _DEVICE_SCOPE, "device")
    raise TopicError(f"There is no topic {name[:80]!r}; there are {sorted(TOPICS)}.")


def is_resumable(name: str) -> bool:
    """Return whether a client that names the last number it knows of a topic gets only what it missed."""
    if name in TOPICS:
        return TOPICS[name].is_resumable
    meant = read_run_topic(name)
    return meant is not None and meant.part == "documents" and meant.uid != EVERY


@dataclass(frozen=True, slots=True)
class Wish:
    """A topic that a client wants: at most ``hz`` times per second, and what it missed after number ``since``."""

    topic: str
    hz: float | None = None
    since: int | None = None
    form: Form = "binary"


def read_wishes(message: Mapping[str, Any]) -> list[Wish]:
    """Return what a message with ``topics`` and perhaps ``since`` asks for.

    Raises:
        ParameterError: it is malformed; the message names the field.
    """
    since = _read_since(message.get("since"))
    return [_read_wish(entry, since) for entry in read_topics(message)]


def read_topics(message: Mapping[str, Any]) -> list[Any]:
    """Return the list in ``topics``.

    Raises:
        ParameterError: it is none, empty, or too long.
    """
    given = message.get("topics")
    if not isinstance(given, list) or not 0 < len(cast("list[Any]", given)) <= MOST_TOPICS:
        raise ParameterError(f"'topics' must be a list of 1 to {MOST_TOPICS} topics.", field="topics")
    return cast("list[Any]", given)


def name_of(entry: Any) -> str:
    """Return the name in an entry of ``topics``, which is a name or an object with ``topic``.

    Raises:
        ParameterError: there is none.
    """
    name = cast("dict[str, Any]", entry).get("topic") if isinstance(entry, dict) else entry
    if not isinstance(name, str):
        raise ParameterError("A topic must be a name, or an object such as {'topic': 'status'}.", field="topics")
    return name


def _read_wish(entry: Any, since: Mapping[str, int]) -> Wish:
    name = name_of(entry)
    hz = cast("dict[str, Any]", entry).get("hz") if isinstance(entry, dict) else None
    if hz is not None and (isinstance(hz, bool) or not isinstance(hz, (int, float)) or not math.isfinite(hz)):
        raise ParameterError("'hz' must be a number.", field="hz")
    if hz is not None and hz < LEAST_HZ:
        raise ParameterError(f"'hz' must be at least {LEAST_HZ:g}.", field="hz")
    form = cast("dict[str, Any]", entry).get("columns", "binary") if isinstance(entry, dict) else "binary"
    if form not in ("binary", "json"):
        raise ParameterError("'columns' must be 'binary' or 'json'.", field="columns")
    return Wish(name, hz, since.get(name), form)


def _read_since(given: Any) -> dict[str, int]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ParameterError("'since' must be an object of topic and number, such as {'events': 120}.", field="since")
    numbers = cast("dict[str, Any]", given)
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ParameterError(f"'since' for {name!r} must be a number that the stream has sent.", field="since")
    return numbers
