"""The channel: many requests over one socket, each with its own reply or its own honest error."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager

import pytest
import zmq
import zmq.asyncio

from queue_server.client.channel import URGENT_RESERVE, ControlChannel
from queue_server.client.exchange import UnreachableError
from queue_server.protocol.errors import BusyError, CommunicationError, RequestTimeoutError

PATIENCE_S = 60


class Manager:
    """A ROUTER that answers when it is told to."""

    def __init__(self, context, address=""):
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        if address:
            self._socket.bind(address)
        self.address = address or f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"

    async def take(self):
        """Return the route and the body of the next request."""
        async with asyncio.timeout(PATIENCE_S):
            *route, body = await self._socket.recv_multipart()
        return route, body

    async def reply(self, route, body):
        """Answer a request."""
        await self._socket.send_multipart([*route, body])

    def close(self):
        """Go away, with the address."""
        self._socket.close()


@contextmanager
def unheard_address():
    """Keep an address at which nobody listens."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield f"tcp://127.0.0.1:{kept.getsockname()[1]}"


@pytest.fixture
async def context():
    context = zmq.asyncio.Context()
    yield context
    context.destroy(0)


@pytest.fixture
async def manager(context):
    manager = Manager(context)
    yield manager
    manager.close()


@pytest.fixture
async def channel(manager):
    channel = ControlChannel(manager.address)
    yield channel
    await channel.close()


async def test_a_request_gets_its_reply(channel, manager):
    asked = asyncio.create_task(channel.ask(b"question", PATIENCE_S))
    route, body = await manager.take()
    assert body == b"question"
    await manager.reply(route, b"answer")
    assert await asked == b"answer"
    assert channel.in_flight == 0


async def test_replies_find_their_requests_in_any_order(channel, manager):
    asked = [asyncio.create_task(channel.ask(b"%d" % number, PATIENCE_S)) for number in range(200)]
    taken = [await manager.take() for _ in asked]
    for route, body in reversed(taken):
        await manager.reply(route, b"re:" + body)
    assert await asyncio.gather(*asked) == [b"re:%d" % number for number in range(200)]


async def test_a_silent_manager_costs_each_request_its_own_timeout_and_the_others_nothing(channel, manager):
    silent = asyncio.create_task(channel.ask(b"silent", 0.05))
    await manager.take()
    with pytest.raises(RequestTimeoutError, match="may still carry the request out"):
        await silent
    asked = asyncio.create_task(channel.ask(b"next", PATIENCE_S))
    route, body = await manager.take()
    assert body == b"next"
    await manager.reply(route, b"answer")
    assert await asked == b"answer"


async def test_a_late_reply_harms_nothing(channel, manager):
    late = asyncio.create_task(channel.ask(b"late", 0.05))
    route, _ = await manager.take()
    with pytest.raises(RequestTimeoutError):
        await late
    await manager.reply(route, b"too late")
    asked = asyncio.create_task(channel.ask(b"next", PATIENCE_S))
    route, _ = await manager.take()
    await manager.reply(route, b"answer")
    assert await asked == b"answer"


async def test_what_was_given_up_without_a_connection_is_never_sent(context):
    with unheard_address() as address:
        channel = ControlChannel(address)
        with pytest.raises(UnreachableError, match="nothing was sent"):
            await channel.ask(b"given up", 0.05)
        asked = asyncio.create_task(channel.ask(b"held", PATIENCE_S))
    manager = Manager(context, address)
    route, body = await manager.take()
    assert body == b"held"
    await manager.reply(route, b"answer")
    assert await asked == b"answer"
    await channel.close()
    manager.close()


async def test_more_requests_than_the_limit_are_refused_at_once(manager):
    channel = ControlChannel(manager.address, most_in_flight=1)
    first = asyncio.create_task(channel.ask(b"first", PATIENCE_S))
    route, _ = await manager.take()
    with pytest.raises(BusyError):
        await channel.ask(b"second")
    await manager.reply(route, b"answer")
    assert await first == b"answer"
    await channel.close()


async def test_urgent_requests_have_a_reserve_and_its_own_limit(manager):
    channel = ControlChannel(manager.address, most_in_flight=1)
    asked = [asyncio.create_task(channel.ask(b"first", PATIENCE_S))]
    routes = [(await manager.take())[0]]
    asked += [asyncio.create_task(channel.ask(b"stop", PATIENCE_S, urgent=True)) for _ in range(URGENT_RESERVE)]
    for _ in range(URGENT_RESERVE):
        route, body = await manager.take()
        routes.append(route)
        assert body == b"stop"
    with pytest.raises(BusyError):
        await channel.ask(b"one more", urgent=True)
    with pytest.raises(BusyError):
        await channel.ask(b"second")
    for route in routes:
        await manager.reply(route, b"answer")
    assert set(await asyncio.gather(*asked)) == {b"answer"}
    await channel.close()


async def test_what_is_urgent_overtakes_what_was_not_sent_yet(context):
    with unheard_address() as address:
        channel = ControlChannel(address)
        asked = [asyncio.create_task(channel.ask(b"add", PATIENCE_S)) for _ in range(3)]
        asked.append(asyncio.create_task(channel.ask(b"stop", PATIENCE_S, urgent=True)))
        await asyncio.wait(asked, timeout=0)
    manager = Manager(context, address)
    taken = [await manager.take() for _ in asked]
    assert [body for _, body in taken] == [b"stop", b"add", b"add", b"add"]
    for route, _ in taken:
        await manager.reply(route, b"answer")
    await asyncio.gather(*asked)
    await channel.close()
    manager.close()


async def test_a_cancelled_request_leaves_nothing_behind(channel, manager):
    asked = asyncio.create_task(channel.ask(b"cancelled", PATIENCE_S))
    await manager.take()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert channel.in_flight == 0


async def test_closing_ends_what_waits(channel, manager):
    asked = asyncio.create_task(channel.ask(b"waits", PATIENCE_S))
    await manager.take()
    await channel.close()
    with pytest.raises(CommunicationError, match="closed"):
        await asked
    with pytest.raises(CommunicationError, match="closed"):
        await channel.ask(b"after")


@pytest.mark.parametrize("frames", [[b"x"], [b"x", b"", b"y"], [b"", b"", b""], [b"x", b"y", b"z"]])
async def test_what_is_no_reply_is_passed_over(channel, manager, frames):
    asked = asyncio.create_task(channel.ask(b"question", PATIENCE_S))
    route, _ = await manager.take()
    await manager._socket.send_multipart([route[0], *frames])  # noqa: SLF001
    await manager.reply(route, b"answer")
    assert await asked == b"answer"
