"""Bodies of requests that are read as a whole: no larger than what they can be, and no slower than a poor network."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import Request
from starlette.types import Message

from http_gateway.errors import SlowBodyError, TooLargeError
from queue_server.protocol.codec import CLIENT_BOUNDS

MOST_BYTES: Final = CLIENT_BOUNDS.size_bytes
"""The largest body that becomes one message to the manager."""
SLOW_S: Final = 10.0
_LEAST_BYTES_PER_S: Final = 16 * 1024

_CLOSING = {"Connection": "close"}


class BoundedBody:
    """The body of a request as it comes, in place of its ``receive``; ``is_whole`` once its end has come."""

    def __init__(self, request: Request, most_bytes: int) -> None:
        self._receive = request.receive
        self._most_bytes = most_bytes
        self._read_bytes = 0
        self.is_whole = False
        self._begun_s = asyncio.get_running_loop().time()

    async def __call__(self) -> Message:
        """Return the next message.

        Raises:
            TooLargeError: the body is over the limit.
            SlowBodyError: it comes too slowly.
        """
        if self.is_whole:
            return await self._receive()
        until_s = self._begun_s + SLOW_S + self._read_bytes / _LEAST_BYTES_PER_S
        try:
            async with asyncio.timeout_at(until_s):
                message: Any = await self._receive()
        except TimeoutError as error:
            raise SlowBodyError("The body came too slowly.", headers=_CLOSING) from error
        if message["type"] == "http.request":
            self._read_bytes += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
            if self._read_bytes > self._most_bytes:
                raise too_large(self._most_bytes)
        return message


def bounded(request: Request, most_bytes: int = MOST_BYTES) -> Request:
    """Return a request whose body cannot be larger, nor come too slowly.

    Raises:
        TooLargeError: its length is announced, and over the limit.
    """
    return Request(request.scope, _bound(request, most_bytes))


async def read_whole(request: Request, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the body of a request.

    Raises:
        TooLargeError: it is over the limit.
        SlowBodyError: it comes too slowly, or its end never came.
    """
    body = _bound(request, most_bytes)
    parts: list[bytes] = []
    while not body.is_whole:
        message = await body()
        if message["type"] == "http.disconnect":
            raise SlowBodyError("The end of the body did not come.", headers=_CLOSING)
        parts.append(message.get("body", b""))
    return b"".join(parts)


def _bound(request: Request, most_bytes: int) -> BoundedBody:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most_bytes:
        # The rest is passed over for a while, so that the client gets to read this.
        raise TooLargeError(f"The body is larger than {most_bytes} bytes.")
    return BoundedBody(request, most_bytes)


def too_large(most_bytes: int) -> TooLargeError:
    """Return the refusal of a body; the connection ends with it, so that the rest is not read."""
    return TooLargeError(f"The body is larger than {most_bytes} bytes.", headers=_CLOSING)
