"""Frames for many readers, none of which holds up another."""

from __future__ import annotations

import asyncio

from http_gateway.dialects.bluesky.frames import MOST_CHARACTERS, Broadcast


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


async def test_of_large_frames_fewer_wait():
    broadcast = Broadcast()
    large = [letter * (MOST_CHARACTERS // 2) for letter in "abc"]
    with broadcast.read() as slow:
        for frame in large:
            broadcast.send(frame)
        assert await slow.take() == large[1:]
        broadcast.send("x" * 2 * MOST_CHARACTERS)
        broadcast.send("y")
        assert await slow.take() == ["y"]
        broadcast.send("z" * 2 * MOST_CHARACTERS)
        assert len(await slow.take()) == 1


async def test_who_has_left_gets_nothing():
    broadcast = Broadcast()
    with broadcast.read():
        assert broadcast.has_readers
    assert not broadcast.has_readers
    broadcast.send("a")
