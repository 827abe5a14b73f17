"""Sends what comes to one client until it leaves or reads no more. A slow client costs a bounded buffer, no thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from http_gateway.chatter import Chatter
from http_gateway.dialects.bluesky.frames import Broadcast, Frames
from http_gateway.errors import GatewayError
from http_gateway.routes import services_of
from http_gateway.turns import Turns

_log = logging.getLogger(__name__)

Hold = Callable[[Coroutine[Any, Any, None]], Awaitable[None]]

STALLED_S: Final = 30.0
"""A client that takes nothing for this long is cut; one at a WebSocket, sooner by its connection."""
_PART_CHARACTERS: Final = 64 * 1024


class FrameStream(Response):
    """An endless answer: every frame of a broadcast from now on, each followed by ``separator``.

    ``hold`` runs the sending, as long as the client may read.
    """

    def __init__(
        self, broadcast: Broadcast, separator: str, media_type: str, *, hold: Hold, stalled_s: float = STALLED_S
    ) -> None:
        super().__init__(media_type=media_type, headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._broadcast = broadcast
        self._separator = separator
        self._hold = hold
        self._stalled_s = stalled_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until the client leaves."""
        with self._broadcast.read() as frames:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            try:
                await self._hold(_until_either_ends(self._send_all(frames, send), _await_end(receive)))
            except GatewayError as error:
                _log.debug("An endless answer ends: %s", error.message)
                with suppress(TimeoutError, OSError):
                    async with asyncio.timeout(1):
                        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, frames: Frames, send: Send) -> None:
        while True:
            for part in _join(await frames.take(), self._separator):
                async with asyncio.timeout(self._stalled_s):
                    await send({"type": "http.response.body", "body": part, "more_body": True})


def _join(frames: list[str], separator: str) -> Iterator[bytes]:
    """Yield the frames in parts of a size that many slow clients can have at once."""
    part: list[str] = []
    characters = 0
    for frame in frames:
        part += (frame, separator)
        characters += len(frame)
        if characters >= _PART_CHARACTERS:
            yield "".join(part).encode()
            part, characters = [], 0
    if part:
        yield "".join(part).encode()


async def send_frames(websocket: WebSocket, frames: Frames) -> None:
    """Send frames as text until the client leaves; what it says is not heard."""
    turns = services_of(websocket).turns
    await _until_either_ends(_send_texts(websocket, frames, turns), _await_disconnect(websocket))


async def _send_texts(websocket: WebSocket, frames: Frames, turns: Turns) -> None:
    while True:
        for frame in await frames.take():
            await turns.wait()
            async with asyncio.timeout(STALLED_S):
                await websocket.send_text(frame)


async def _await_disconnect(websocket: WebSocket) -> None:
    chatter = Chatter()
    while (await websocket.receive())["type"] != "websocket.disconnect":
        chatter.hear()


async def _await_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _until_either_ends(*works: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    # These say that the client has left or stalls; RuntimeError is starlette's word for a socket that is closed.
    expected = (TimeoutError, OSError, WebSocketDisconnect, RuntimeError, asyncio.CancelledError)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, expected):
            raise outcome
