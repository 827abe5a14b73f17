"""What goes to a device: in order, nothing after the end, and what has certainly not left is told."""

from __future__ import annotations

import asyncio

import pytest
from starlette.websockets import WebSocketDisconnect

from http_gateway.dialects.scanhub.device_line import MOST_WAITING, DeviceLine


class Socket:
    """A WebSocket that takes frames while it is open."""

    def __init__(self):
        self.taken = []
        self.writable = asyncio.Event()
        self.writable.set()
        self.is_gone = False

    async def send_text(self, text):
        """Take a frame."""
        await self._take(text)

    async def close(self, code, reason):
        """Take the end."""
        await self._take((code, reason))

    async def _take(self, value):
        await self.writable.wait()
        if self.is_gone:
            raise WebSocketDisconnect(1006)
        self.taken.append(value)


@pytest.fixture
async def line():
    """A line with its socket, and the task that sends."""
    socket = Socket()
    line = DeviceLine(socket, "10.0.0.7")  # type: ignore[arg-type]
    sending = asyncio.create_task(line.run())
    yield line, socket, sending
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_frames_leave_in_order_and_nothing_follows_the_end(line):
    line, socket, sending = line
    line.send("a")
    line.send_start("b", "item")
    line.close(1001, "the end")
    line.send("c")
    await sending
    assert socket.taken == ["a", "b", (1001, "the end")]
    assert line.end() == []


async def test_a_start_on_a_connection_that_is_gone_is_unsent(line):
    line, socket, sending = line
    socket.is_gone = True
    line.send_start("b", "item")
    await sending
    assert line.end() == ["item"]
    assert line.end() == []


async def test_a_start_that_still_waits_is_unsent(line):
    line, socket, _ = line
    socket.writable.clear()
    line.send("a")
    line.send_start("b", "item")
    assert line.end() == ["item"]
    line.send_start("c", "other")
    assert line.end() == ["other"]


async def test_frames_that_nobody_takes_are_not_hoarded(line):
    line, socket, sending = line
    socket.writable.clear()
    for number in range(2 * MOST_WAITING):
        line.send(str(number))
    line.send_start("start", "item")
    line.close(1001, "the end")
    socket.writable.set()
    await sending
    assert len(socket.taken) <= MOST_WAITING + 2
    assert socket.taken[-1] == (1001, "the end")
    assert line.end() == ["item"]
