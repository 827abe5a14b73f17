"""One gateway for all tests of a module: building it costs more than most of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from tests.doubles.gateway import PATIENCE_S, answering_gateway

TOPICS = 4


class Listening:
    """A WebSocket of the gateway; each message is read from its JSON."""

    def __init__(self, socket):
        self._socket = socket

    async def next(self):
        """The next message."""
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self._socket.recv())

    async def say(self, text):
        """Send a text, of which the gateway should take no notice."""
        await self._socket.send(text)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory):
    """The manager and a client of the gateway in front of it, which hears what the manager publishes."""
    async with answering_gateway(tmp_path_factory.mktemp("gateway")) as (manager, client):
        for _ in range(TOPICS):
            await manager.await_subscriber()
        yield manager, client


@pytest.fixture
def manager(shared):
    """The manager behind the gateway, which has been asked nothing yet."""
    manager, _ = shared
    manager.forget()
    return manager


@pytest.fixture
def client(shared):
    """A client with the API key of the gateway."""
    return shared[1]


@pytest.fixture
def listen():
    """Open a WebSocket with the credential of a client, or with other headers."""

    @asynccontextmanager
    async def run(client, path, headers=None):
        given = {"Authorization": client.headers["Authorization"]} if headers is None else headers
        address = str(client.base_url.join(path)).replace("http", "ws", 1)
        async with connect(address, additional_headers=given) as socket:
            yield Listening(socket)

    return run
