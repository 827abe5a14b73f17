"""One gateway for all tests of a module: building it costs more than most of them."""

from __future__ import annotations

import pytest
import pytest_asyncio

from tests.doubles.gateway import AnsweringManager, running_gateway


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory):
    """The manager and a client of the gateway in front of it."""
    manager = AnsweringManager()
    async with running_gateway(manager, tmp_path_factory.mktemp("gateway"), timeout_s=0.5) as client:
        yield manager, client
    await manager.close()


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
