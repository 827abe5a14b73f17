"""The gateway's stream as a client sees it: what is asked for, and what a frame means. Sends nothing.

Frames become the notices that a manager publishes. What a stream shows first, because it was so before, is no notice.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, cast

from queue_server.client.http_errors import HTTPAccessError, HTTPAnswerError, HTTPClientError, HTTPRequestError
from queue_server.client.notices import CONSOLE_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC, STATUS_TOPIC, Notice

# By the name of the topic in the stream.
_TOPICS = {"status": STATUS_TOPIC, "progress": PROGRESS_TOPIC, "console": CONSOLE_TOPIC, "events": EVENT_TOPIC}
_LATEST = ("status", "progress")

# The gateway waits with more than 64 unacknowledged frames.
_ACKNOWLEDGED_AT_ONCE = 16


class Stream:
    """What one subscription has been sent, over as many connections as it took."""

    def __init__(self, prefixes: Iterable[bytes]) -> None:
        self._prefixes = tuple(prefixes)
        self._positions: dict[str, int] = {}
        self._frames = 0
        self._connections = 0
        self._has_begun = False
        self._waiting: deque[Notice] = deque()

    @property
    def has_begun(self) -> bool:
        """Whether everything that is published from now on will come."""
        return self._has_begun

    def next(self) -> Notice | None:
        """Return the next notice that has come."""
        return self._waiting.popleft() if self._waiting else None

    def begin(self) -> list[str]:
        """Return what to send over a new connection: what is wanted, and a question whose answer says that it began."""
        self._frames, self._has_begun = 0, False
        self._connections += 1
        wanted = [name for name, topic in _TOPICS.items() if any(topic.encode().startswith(p) for p in self._prefixes)]
        since = {name: seq for name, seq in self._positions.items() if name in wanted and name not in _LATEST}
        subscribe = {"op": "sub", "topics": wanted, **({"since": since} if since else {})}
        return [*([json.dumps(subscribe)] if wanted else []), json.dumps({"op": "ping"})]

    def take(self, text: str | bytes) -> list[str]:
        """Take a frame; return what to send.

        Raises:
            HTTPAnswerError: the gateway refuses a topic.
            HTTPRequestError: the frame is none.
        """
        try:
            content: object = json.loads(text)
        except ValueError as error:
            raise HTTPRequestError("The stream sent something that is not JSON.") from error
        if not isinstance(content, dict):
            raise HTTPRequestError("The stream sent something that is not an object.")
        frame = cast("dict[str, Any]", content)
        if "op" in frame:
            self._heed(frame)
            return []
        self._frames += 1
        self._waiting.extend(self._notices_in(frame))
        self._keep_position(frame)
        if self._frames % _ACKNOWLEDGED_AT_ONCE:
            return []
        return [json.dumps({"op": "ack", "frames": self._frames})]

    def _heed(self, frame: Mapping[str, Any]) -> None:
        if frame["op"] == "pong":
            self._has_begun = True
        elif frame["op"] == "error":
            raise _error_in(frame)

    def _keep_position(self, frame: Mapping[str, Any]) -> None:
        name, seq = frame.get("topic"), frame.get("seq")
        if isinstance(name, str) and isinstance(seq, int):
            self._positions[name] = seq

    def _notices_in(self, frame: Mapping[str, Any]) -> Iterable[Notice]:
        name, data = str(frame.get("topic")), frame.get("data")
        if name not in _TOPICS or not isinstance(data, dict):
            return
        values = cast("dict[str, Any]", data)
        is_first = self._connections == 1 or name not in _LATEST
        if name == "console":
            yield from self._output_in(values, is_snapshot="snapshot" in frame)
        elif "snapshot" in frame and is_first:
            return
        elif name == "status":
            yield Notice(STATUS_TOPIC, {"time": frame.get("time"), "msg": {"status": values}})
        else:
            yield Notice(_TOPICS[name], values)

    def _output_in(self, data: Mapping[str, Any], *, is_snapshot: bool) -> Iterable[Notice]:
        known = self._positions.get("console")
        if known is None and is_snapshot:
            return
        chunks = cast("list[dict[str, Any]]", data.get("chunks") or [])
        for chunk in chunks:
            if known is None or chunk["seq"] > known:
                yield Notice(CONSOLE_TOPIC, {"time": chunk["time"], "msg": chunk["text"]})


def refusal_of(status: int, detail: str, request_id: str = "") -> HTTPAnswerError:
    """Return the error for a stream that the gateway does not open."""
    kind = HTTPAccessError if status in (401, 403) else HTTPClientError
    return kind(status, detail or "the stream is refused", request_id=request_id)


def _error_in(frame: Mapping[str, Any]) -> HTTPAnswerError:
    status = frame.get("status")
    text = f"{frame['topic']}: {frame.get('detail')}" if frame.get("topic") else str(frame.get("detail"))
    return refusal_of(status if isinstance(status, int) else 400, text)
