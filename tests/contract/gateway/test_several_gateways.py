"""A device that moves from one gateway to another one of the same manager: its newest connection counts."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack

import pytest

from queue_server.protocol.worker_link import EnvironmentOpened, Hello, ItemAcknowledged, ItemFinished
from tests.doubles.device_lanes import TOKEN, DeviceManager, gateway_with_devices
from tests.doubles.scanner import connected

REPLACED = 4001


@pytest.fixture
async def manager():
    """A manager that knows devices, and dismisses the worker whose place a newer one takes."""
    manager = DeviceManager()
    manager.lanes.dismisses = True
    yield manager
    await manager.close()


@pytest.fixture(params=["two processes of one gateway", "two gateways"])
async def gateways(manager, tmp_path, request):
    """Two that serve, on the same data directory or on their own."""
    names = ("both", "both") if "processes" in request.param else ("one", "other")
    async with AsyncExitStack() as stack:
        found = []
        for name in names:
            directory = tmp_path / name
            directory.mkdir(exist_ok=True)
            found.append(await stack.enter_async_context(gateway_with_devices(manager, directory)))
        yield found


async def test_the_older_connection_is_closed_by_its_gateway_and_what_is_ordered_goes_to_the_newer(
    manager, gateways, device
):
    first, second = gateways
    async with connected(first, device, TOKEN) as older:
        await older.register()
        await manager.lanes.wait_for(device, Hello)
        async with connected(second, device, TOKEN) as newer:
            await newer.register()
            assert await older.closed() == REPLACED
            key = await manager.execute(device, str(uuid.uuid4()))
            await newer.begin()
            await newer.finish(b"k-space")
            assert (await manager.outcome(key)).outcome == "completed"
    assert [frame for frame in older.frames if frame["command"] == "start"] == []
    assert manager.ends_of(key) == ["completed"]
    assert len(manager.results_of(key)) == 1


def is_ready_again(message):
    """Whether this is said for the second connection."""
    return isinstance(message, EnvironmentOpened) or (message.environment, message.incarnation[-2:]) == ("open", ".2")


async def test_a_scan_of_the_older_connection_is_not_sent_on_the_newer(manager, gateways, device):
    first, second = gateways
    async with connected(first, device, TOKEN) as older:
        await older.register()
        await manager.execute(device, str(uuid.uuid4()))
        await older.begin()
        await manager.lanes.wait_for(device, ItemAcknowledged)
        manager.lanes.heard.clear()
        async with connected(second, device, TOKEN) as newer:
            await newer.register()
            assert await older.closed() == REPLACED
            await manager.lanes.wait_for(device, (Hello, EnvironmentOpened), is_ready_again)
            after = await manager.execute(device, str(uuid.uuid4()))
            started = await newer.wait_for("start")
            assert started["data"]["id"] == after.item_uid


@pytest.mark.parametrize("gateways", ["two processes of one gateway"], indirect=True)
async def test_a_device_that_has_moved_during_its_scan_delivers_it_at_the_other_process(manager, gateways, device):
    first, second = gateways
    async with connected(first, device, TOKEN) as older:
        await older.register()
        key = await manager.execute(device, str(uuid.uuid4()))
        await older.begin()
        await manager.lanes.wait_for(device, ItemAcknowledged)
        async with connected(second, device, TOKEN) as newer:
            await newer.register()
            assert await older.closed() == REPLACED
            assert (await manager.outcome(key)).outcome == "unknown"
            await newer.status("ONLINE", {"progress": 100}, about=older.started)
            await newer.upload(b"k-space", about=older.started)
            await manager.lanes.wait_for(device, ItemFinished, lambda report: report.outcome == "completed")
    # A report may be repeated on the link of the newer connection; the manager takes that for late.
    assert list(dict.fromkeys(manager.ends_of(key))) == ["unknown", "completed"]
    assert len(manager.results_of(key)) == 1
