"""What tests of devices at a gateway have in common; a module that needs another manager has its own."""

from __future__ import annotations

import uuid

import pytest
import pytest_asyncio

from tests.doubles.device_lanes import TOKEN, DeviceManager


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """The data directory of the gateway."""
    return tmp_path_factory.mktemp("gateway")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def manager():
    """A manager that knows devices."""
    manager = DeviceManager()
    yield manager
    await manager.close()


@pytest.fixture
def device(manager):
    """A device that is registered at the manager."""
    device_id = str(uuid.uuid4())
    manager.tokens[device_id] = TOKEN
    return device_id


@pytest.fixture
def item():
    """The uid of an item."""
    return str(uuid.uuid4())
