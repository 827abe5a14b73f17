"""What happens around every request: its id, its time, the limit of its body, and a line in the log without secrets."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Refuse = Callable[[MutableMapping[str, Any], Receive, Send, int], Awaitable[None]]
RefuseNew = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_log = logging.getLogger("http_gateway.access")


@dataclass(slots=True)
class Drain:
    """Whether the gateway is about to end: requests that have begun are answered, and ``refuse`` answers new ones."""

    refuse: RefuseNew
    is_on: bool = False


class RequestFrame:
    """Wraps the application; a body over the limit is refused by ``refuse`` before it is read."""

    def __init__(
        self, application: Application, most_body_bytes: int, refuse: Refuse, drain: Drain | None = None
    ) -> None:
        self._application = application
        self._most_body_bytes = most_body_bytes
        self._refuse = refuse
        self._drain = drain

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        started_s = time.perf_counter()
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def frame(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                duration = f"app;dur={(time.perf_counter() - started_s) * 1000:.1f}"
                message["headers"] = [
                    *message["headers"],
                    (b"server-timing", duration.encode()),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        if self._drain is not None and self._drain.is_on:
            await self._drain.refuse(scope, receive, frame)
        elif _declared_length(scope) > self._most_body_bytes:
            await self._refuse(scope, receive, frame, self._most_body_bytes)
        else:
            await self._application(scope, _Limited(receive, self._most_body_bytes), frame)
        # Without the query, which may hold a key.
        _log.debug("%s %s %d %s", scope["method"], scope["path"], status, request_id)


class BodyOverflowError(Exception):
    """The body turned out larger than the limit while it was read."""


class _Limited:
    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive = receive
        self._left_bytes = most_bytes

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left_bytes -= len(message.get("body", b""))
            if self._left_bytes < 0:
                raise BodyOverflowError
        return message


def _declared_length(scope: MutableMapping[str, Any]) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
