"""Sending to a client that takes nothing."""

from __future__ import annotations

import asyncio

from http_gateway.dialects.bluesky.frames import Broadcast
from http_gateway.dialects.bluesky.sending import FrameStream
from tests.doubles.gateway import PATIENCE_S


async def test_a_client_that_takes_nothing_is_cut():
    broadcast = Broadcast()
    stream = FrameStream(broadcast, "\n", "text/plain", stalled_s=0.05)
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
