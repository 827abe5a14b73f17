"""What goes to a device on one connection: frames in their order, and the end. It decides nothing and reads nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

MOST_WAITING: Final = 256
"""Frames that wait for a device that takes none; what comes then is dropped, and the device is cut soon."""


@dataclass(frozen=True, slots=True)
class _Text:
    text: str
    item_uid: str = ""


@dataclass(frozen=True, slots=True)
class _End:
    code: int
    reason: str


class DeviceLine:
    """Sends on one WebSocket; for one event loop."""

    def __init__(self, websocket: WebSocket, address: str) -> None:
        self.address = address
        self._websocket = websocket
        self._waiting: deque[_Text | _End] = deque()
        self._came = asyncio.Event()
        self._has_ended = False
        self._unsent: list[str] = []

    def send(self, text: str) -> None:
        """Send a frame as soon as the device takes it; nothing after the end."""
        self._put(_Text(text))

    def send_start(self, text: str, item_uid: str) -> None:
        """Send the start frame of an item; ``end`` tells if it is certain that it did not leave."""
        if not self._put(_Text(text, item_uid)):
            self._unsent.append(item_uid)

    def close(self, code: int, reason: str) -> None:
        """Close the connection once what waits has left; nothing is sent afterwards."""
        if self._put(_End(code, reason[:100]), always=True):
            self._has_ended = True

    def end(self) -> list[str]:
        """Send nothing any more; return the items whose start frames have certainly not left."""
        self._has_ended = True
        left = [each.item_uid for each in self._waiting if isinstance(each, _Text) and each.item_uid]
        self._waiting.clear()
        unsent, self._unsent = [*self._unsent, *left], []
        return unsent

    async def run(self) -> None:
        """Send until the connection ends, or until cancelled."""
        while True:
            while not self._waiting:
                self._came.clear()
                await self._came.wait()
            waiting = self._waiting.popleft()
            try:
                if isinstance(waiting, _End):
                    await self._websocket.close(waiting.code, waiting.reason)
                    return
                await self._websocket.send_text(waiting.text)
            except (WebSocketDisconnect, RuntimeError):
                # The server says so before it writes: nothing of this frame has left.
                if isinstance(waiting, _Text) and waiting.item_uid:
                    self._unsent.append(waiting.item_uid)
                self._has_ended = True
                return

    def _put(self, waiting: _Text | _End, *, always: bool = False) -> bool:
        if self._has_ended or (len(self._waiting) >= MOST_WAITING and not always):
            return False
        self._waiting.append(waiting)
        self._came.set()
        return True
