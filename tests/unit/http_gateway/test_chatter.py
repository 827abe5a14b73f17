"""How much a reader may say: a burst at once, then so much in a second."""

from __future__ import annotations

import asyncio

import pytest

from http_gateway.chatter import Chatter, FloodError


def hear(chatter, count):
    for _ in range(count):
        chatter.hear()


async def test_a_burst_is_heard_and_one_message_more_is_too_much():
    chatter = Chatter(burst=10, per_s=0.0)
    hear(chatter, 10)
    with pytest.raises(FloodError, match="messages came in a second"):
        chatter.hear()


async def test_who_waits_may_go_on():
    chatter = Chatter(burst=1, per_s=1000.0)
    chatter.hear()
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.002, later.set)
    await later.wait()
    chatter.hear()


async def test_silence_does_not_add_up_to_more_than_a_burst():
    chatter = Chatter(burst=3, per_s=100_000.0)
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, later.set)
    await later.wait()
    with pytest.raises(FloodError):
        hear(chatter, 8000)
