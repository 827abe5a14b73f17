"""The information stream as a client sees it: notices, decoded and filtered, without any input or output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from queue_server.protocol.codec import decode
from queue_server.protocol.errors import CommunicationError, EnvelopeError, ParameterError
from queue_server.protocol.notices import CONSOLE_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC, STATUS_TOPIC, TOPICS

__all__ = [
    "CONSOLE_TOPIC",
    "EVENT_TOPIC",
    "PROGRESS_TOPIC",
    "STATUS_TOPIC",
    "TOPICS",
    "Notice",
    "check_topics",
    "info_address_in",
    "reached_from",
    "read_notice",
]

_EVERY_INTERFACE = ("0.0.0.0", "[::]", "*")  # noqa: S104


class Notice(NamedTuple):
    """One message of the stream."""

    topic: str
    payload: dict[str, Any]

    @property
    def time(self) -> float:
        """When it was sent, in seconds since 1970-01-01 UTC; 0 if it does not say."""
        value = self.payload.get("time", 0.0)
        return float(value) if isinstance(value, (int, float)) else 0.0

    @property
    def status(self) -> dict[str, Any] | None:
        """The status that it carries, or None if it is of another kind."""
        message = self.payload.get("msg")
        if self.topic != STATUS_TOPIC or not isinstance(message, dict):
            return None
        status: object = cast("dict[str, Any]", message).get("status")
        return cast("dict[str, Any]", status) if isinstance(status, dict) else None

    @property
    def text(self) -> str | None:
        """The console output that it carries, or None if it is of another kind."""
        message = self.payload.get("msg")
        return message if self.topic == CONSOLE_TOPIC and isinstance(message, str) else None


def read_notice(frames: Sequence[bytes]) -> Notice | None:
    """Return the notice in ``frames``, or None if they are none."""
    if len(frames) != 2:
        return None
    try:
        payload, _ = decode(frames[1])
        return Notice(frames[0].decode(), payload)
    except (EnvelopeError, UnicodeDecodeError):
        return None


def check_topics(topics: Iterable[str]) -> tuple[bytes, ...]:
    """Return the prefixes to subscribe to.

    Raises:
        ParameterError: ``topics`` is a single string, or empty.
    """
    if isinstance(topics, str):
        raise ParameterError(f"'topics' must be a list of topics, such as [{topics!r}].", field="topics")
    prefixes = tuple(topic.encode() for topic in topics)
    if not prefixes:
        raise ParameterError(f"'topics' is empty; there are {list(TOPICS)}.", field="topics")
    return prefixes


def info_address_in(reply: Mapping[str, Any], control: str) -> str:
    """Return the address of the stream from a reply to ``config_get``; every interface means the host of ``control``.

    Raises:
        CommunicationError: the manager does not tell; the message says how to name the address.
    """
    config: object = reply.get("config")
    address = cast("dict[str, Any]", config).get("info") if isinstance(config, dict) else None
    if isinstance(address, str) and address:
        return reached_from(address, control)
    raise CommunicationError(
        f"The manager at {control} does not say where it publishes notices: give the argument 'info', "
        f"or set CUELIGHT_INFO."
    )


def reached_from(address: str, control: str) -> str:
    """Return where an address that a manager tells is reached; every interface means the host of ``control``."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if host not in _EVERY_INTERFACE:
        return address
    seen = control.removeprefix("tcp://").rpartition(":")[0] if control.startswith("tcp://") else "127.0.0.1"
    return f"tcp://{seen}:{port}"
