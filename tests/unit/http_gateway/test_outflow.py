"""A connection whose peer takes nothing ends; one whose peer is only slow does not."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest
import uvloop

from http_gateway.outflow import Outflow

WAIT_S = 10
MUCH = b"x" * 8_000_000


class Sender(asyncio.Protocol):
    """Sends to whoever connects, and hears of the end."""

    def __init__(self, patience_s):
        self.patience_s = patience_s
        self.lost = asyncio.get_running_loop().create_future()
        self.sent = asyncio.Event()

    def connection_made(self, transport):
        self.transport = cast("asyncio.Transport", transport)
        self.outflow = Outflow(self.transport, self.patience_s)

    def pause_writing(self):
        self.outflow.begin()

    def resume_writing(self):
        self.outflow.end()
        self.sent.set()

    def connection_lost(self, exc):
        self.outflow.end()
        self.lost.set_result(exc)


@pytest.fixture
async def connect():
    """Give a sender with some patience, and the socket of its peer."""
    made = []

    async def make(patience_s):
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        _, sender = await asyncio.get_running_loop().connect_accepted_socket(lambda: Sender(patience_s), ours)
        made.append((sender.transport, theirs))
        return sender, theirs

    yield make
    for transport, theirs in made:
        transport.abort()
        theirs.close()


@pytest.mark.parametrize("closing", [False, True])
async def test_a_peer_that_takes_nothing_loses_the_connection_even_one_that_is_closed(connect, closing):
    sender, _ = await connect(0.1)
    sender.transport.write(MUCH)
    if closing:
        sender.transport.close()
    async with asyncio.timeout(WAIT_S):
        await sender.lost
    assert not sender.sent.is_set()


async def test_little_that_is_not_taken_is_enough(connect):
    sender, _ = await connect(0.1)
    while not sender.transport.get_write_buffer_size():
        sender.transport.write(b"x" * 1000)
    async with asyncio.timeout(WAIT_S):
        await sender.lost


async def test_a_peer_that_takes_it_slowly_gets_all(connect):
    sender, peer = await connect(2.0)
    sender.transport.write(MUCH)
    left, loop = len(MUCH), asyncio.get_running_loop()
    async with asyncio.timeout(WAIT_S):
        while left:
            left -= len(await loop.sock_recv(peer, 1_000_000))
        await sender.sent.wait()
    assert not sender.lost.done()


async def test_a_peer_that_has_taken_all_may_be_silent(connect):
    sender, peer = await connect(0.05)
    sender.transport.write(MUCH)
    left, loop = len(MUCH), asyncio.get_running_loop()
    while left:
        left -= len(await loop.sock_recv(peer, 1_000_000))
    # Longer than the patience, told by the loop itself.
    silent = loop.create_future()
    loop.call_later(0.3, silent.set_result, None)
    await silent
    assert not sender.lost.done()


def test_it_is_the_same_with_the_event_loop_of_the_gateway():
    async def lose():
        ours, theirs = socket.socketpair()
        with theirs:
            _, sender = await asyncio.get_running_loop().connect_accepted_socket(lambda: Sender(0.1), ours)
            sender.transport.write(MUCH)
            async with asyncio.timeout(WAIT_S):
                return await sender.lost

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(lose()) is None
