"""Devices as clients and gateways see them, through the dispatcher, on every store."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.core.events import LaneAdded, QueueChanged
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.devices import digest_token
from queue_server.protocol.items import BACK, DEFAULT_LANE, Item
from queue_server.protocol.peer import DELEGATE
from tests.doubles.bench import PATIENCE_S, Bench, plan
from tests.doubles.registered_devices import device

SCANNER = device("scanner")
NEW = {"name": "scanner 1", "description": "low field"}


class DeviceBench(Bench):
    """A manager with a gateway, and devices in few words."""

    async def as_gateway(self, method, /, **params):
        """Return the reply to a request of a gateway."""
        reply = asyncio.get_running_loop().create_future()
        self.dispatcher.take(encode({"method": method, "params": params}), reply.set_result, DELEGATE)
        async with asyncio.timeout(PATIENCE_S):
            return decode(await reply)[0]

    async def connect(self, identity, token, address="192.0.2.7"):
        """Return the reply to a device that connects with a token."""
        digest = digest_token(token)
        return await self.as_gateway("device_connect", device_id=identity, token_sha256=digest, address=address)

    async def create(self, **more):
        """Register a device and return its id and its token."""
        reply = await self.do("device_create", **{**NEW, **more})
        return reply["device_id"], reply["device_token"]

    async def get(self, identity):
        """Return a device as clients see it."""
        return (await self.do("device_get", device_id=identity))["device"]

    async def kept(self, identity):
        """Return a device as the store has it."""
        return await self.store.transact(lambda tx: tx.device(identity))

    async def come(self, identity, incarnation="w", **more):
        """Let a gateway serve the lane of a device, on a connection that is ready."""
        self.in_lane(identity).hello(incarnation=incarnation, **{"re_state": "ready", **more})
        await self.settle()

    async def enqueue(self, identity, *uids):
        """Put items into the queue of a device."""
        items = [Item(uid, identity, f"s-{uid}", {**plan(), "item_uid": uid}) for uid in uids]

        def work(turn):
            turn.tx.insert(items, BACK)
            turn.apply(QueueChanged(identity, len(items)))

        await self.engine.post(work)

    async def told(self):
        """Return kind and data of the events about devices."""
        events = await self.store.transact(lambda tx: tx.events(0, 1000))
        return [(event.kind, dict(event.data)) for event in events if event.kind.startswith("device_")]


@pytest.fixture
async def bench(store):
    """A manager that serves, with a lane more."""
    bench = await DeviceBench.begin(store, lanes=(DEFAULT_LANE, "b"))
    yield bench
    await bench.end()


@pytest.fixture
async def scanner(bench):
    """A device that is registered; return its id."""

    def work(turn):
        turn.tx.add_device(SCANNER)
        turn.apply(LaneAdded(SCANNER.id))

    await bench.engine.post(work)
    return SCANNER.id


@pytest.fixture
async def busy(bench, scanner):
    """An item of the device is active, and another one waits."""
    await bench.come(scanner)
    await bench.enqueue(scanner, "active", "next")
    await bench.in_lane(scanner).run_plan()
