"""I8: whoever cannot prove which scanner it is gets no command, and of those who can one has the scanner."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.doubles.device_lanes import DeviceManager, gateway_with_devices
from tests.doubles.scanner import address_of, connected

pytestmark = pytest.mark.fault("I8")

TOKEN = "a device token of more than thirty-two characters"
FOREIGN = "the token of another device, as long as the right one"
STRANGERS = 100
REPLACED = 4001


@pytest.fixture
async def manager():
    """A manager that knows devices."""
    manager = DeviceManager()
    yield manager
    await manager.close()


@pytest.fixture
async def gateway(manager, tmp_path):
    """A gateway in front of it."""
    async with gateway_with_devices(manager, tmp_path) as client:
        yield client


@pytest.fixture
def device(manager):
    """A device that is registered; another one has the foreign token."""
    device_id = str(uuid.uuid4())
    manager.tokens |= {device_id: TOKEN, str(uuid.uuid4()): FOREIGN}
    return device_id


def claims_of(device):
    """Return the headers with which strangers come: none, or not the right ones."""
    return [
        {},
        {"Device-Id": device},
        {"Device-Token": TOKEN},
        {"Device-Id": device, "Device-Token": FOREIGN},
        {"Device-Id": device, "Device-Token": TOKEN[:-1]},
        {"Device-Id": str(uuid.uuid4()), "Device-Token": TOKEN},
        {"Device-Id": "no uuid", "Device-Token": TOKEN},
    ]


async def listen(socket, heard):
    """Keep what a stranger is told until the connection ends."""
    try:
        while True:
            heard.append(await socket.recv())
    except ConnectionClosed:
        return


async def test_strangers_hear_nothing_while_the_device_works(manager, gateway, device, figure):
    heard: list[str | bytes] = []
    claims = claims_of(device)
    async with AsyncExitStack() as stack, connected(gateway, device, TOKEN) as owner:
        await owner.register()
        sockets = await asyncio.gather(
            *(
                stack.enter_async_context(
                    connect(address_of(gateway), additional_headers=claims[number % len(claims)], close_timeout=1)
                )
                for number in range(STRANGERS)
            )
        )
        listening = [asyncio.create_task(listen(socket, heard)) for socket in sockets]
        key = await manager.execute(device, str(uuid.uuid4()), expected_uploads=0)
        await owner.begin()
        await owner.online()
        assert (await manager.outcome(key)).outcome == "completed"
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    figure("strangers at once", STRANGERS, len(sockets))
    figure("commands to strangers", 0, len(heard))
    assert heard == []
    assert manager.generations == {device: 1}


async def test_of_those_who_prove_to_be_the_same_device_one_has_it(manager, gateway, device, figure):
    async with AsyncExitStack() as stack:
        ours = [await stack.enter_async_context(connected(gateway, device, TOKEN)) for _ in range(2)]
        await ours[-1].register()
        assert await ours[0].closed() == REPLACED
        key = await manager.execute(device, str(uuid.uuid4()), expected_uploads=0)
        await ours[-1].begin()
        await ours[-1].online()
        assert (await manager.outcome(key)).outcome == "completed"
        started = sum(frame["command"] == "start" for scanner in ours for frame in scanner.frames)
    figure("connections that were given the item", 1, started)
    assert started == 1


async def test_a_token_that_is_replaced_opens_nothing_any_more(manager, gateway, device):
    async with connected(gateway, device, TOKEN) as owner:
        await owner.register()
    manager.tokens[device] = FOREIGN
    async with connected(gateway, device, TOKEN) as replayed:
        assert await replayed.closed() == 1008
        assert replayed.frames == []
