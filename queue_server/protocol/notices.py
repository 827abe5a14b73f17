"""The information stream: topics, and the two frames of which every notice consists.

Clients of bluesky-queueserver subscribe by prefix and stop at a third frame, so every notice has exactly two:
topic and payload. No native topic may begin with one of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queue_server.protocol.codec import Encoding, encode

CONSOLE_TOPIC = "QS_Console"
STATUS_TOPIC = "QS_Info"
EVENT_TOPIC = "cuelight.event"
PROGRESS_TOPIC = "cuelight.progress"
TOPICS = (CONSOLE_TOPIC, STATUS_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC)


def frame_notice(topic: str, payload: Mapping[str, Any], encoding: Encoding = "json") -> list[bytes]:
    """Return the two frames of a notice."""
    return [topic.encode(), encode(payload, encoding)]


def console_notice(time: float, text: str, encoding: Encoding = "json") -> list[bytes]:
    """Return a chunk of console output as bluesky clients read it; ``time`` in seconds since 1970-01-01 UTC."""
    return frame_notice(CONSOLE_TOPIC, {"time": time, "msg": text}, encoding)


def status_notice(time: float, status: Mapping[str, Any], encoding: Encoding = "json") -> list[bytes]:
    """Return a status as bluesky clients read it; ``time`` in seconds since 1970-01-01 UTC."""
    return frame_notice(STATUS_TOPIC, {"time": time, "msg": {"status": status}}, encoding)
