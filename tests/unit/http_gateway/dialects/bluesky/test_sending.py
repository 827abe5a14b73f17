"""Sending to a client that takes nothing."""

from __future__ import annotations

import asyncio

from http_gateway.dialects.bluesky.frames import Broadcast
from http_gateway.dialects.bluesky.sending import FrameStream
from tests.doubles.gateway import PATIENCE_S


async def test_a_client_that_takes_nothing_is_cut():
    broadcast = Broadcast()

    async def hold(work):
        await work

    stream = FrameStream(broadcast, "\n", "text/plain", hold=hold, stalled_s=0.05)
    sent, never = [], asyncio.Event()

    async def send(message):
        sent.append(message)
        if message.get("body"):
            await never.wait()

    async def receive():
        await never.wait()
        return {}

    asyncio.get_running_loop().call_soon(broadcast.send, "a")
    async with asyncio.timeout(PATIENCE_S):
        await stream({"type": "http"}, receive, send)
    assert [message.get("body") for message in sent] == [None, b"", b"a\n"]
    assert not broadcast.has_readers


async def test_many_frames_at_once_go_in_parts():
    broadcast = Broadcast()

    async def hold(work):
        await work

    stream = FrameStream(broadcast, "\n", "text/plain", hold=hold)
    parts, gone = [], asyncio.Event()

    async def send(message):
        parts.append(message.get("body", b""))
        if b"last" in parts[-1]:
            gone.set()

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    def fill():
        for frame in (*["x" * 10_000] * 20, "last"):
            broadcast.send(frame)

    asyncio.get_running_loop().call_soon(fill)
    async with asyncio.timeout(PATIENCE_S):
        await stream({"type": "http"}, receive, send)
    assert b"".join(parts) == (b"x" * 10_000 + b"\n") * 20 + b"last\n"
    assert max(map(len, parts)) < 100_000
