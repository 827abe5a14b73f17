"""Frames for many readers, none of which holds up another."""

from __future__ import annotations

import asyncio

from http_gateway.dialects.bluesky.frames import Broadcast


async def test_each_reader_gets_every_frame_once_and_in_order():
    broadcast = Broadcast()
    with broadcast.read() as first, broadcast.read() as second:
        for frame in "abc":
            broadcast.send(frame)
        assert await first.take() == await second.take() == ["a", "b", "c"]
        broadcast.send("d")
        assert await first.take() == ["d"]


async def test_a_reader_that_waits_is_woken():
    broadcast = Broadcast()
    with broadcast.read() as frames:
        asyncio.get_running_loop().call_soon(broadcast.send, "a")
        assert await frames.take() == ["a"]


async def test_a_slow_reader_loses_its_oldest_frames_alone():
    broadcast = Broadcast(most=2)
    with broadcast.read() as slow, broadcast.read() as quick:
        for frame in "abc":
            broadcast.send(frame)
            assert await quick.take() == [frame]
        assert await slow.take() == ["b", "c"]


async def test_who_has_left_gets_nothing():
    broadcast = Broadcast()
    with broadcast.read():
        assert broadcast.has_readers
    assert not broadcast.has_readers
    broadcast.send("a")
