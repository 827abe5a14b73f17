"""A gateway in front of a manager that answers from a table."""

from __future__ import annotations

import pytest

from tests.doubles.gateway import AnsweringManager, running_gateway


@pytest.fixture
async def manager():
    """The manager behind the gateway."""
    manager = AnsweringManager()
    yield manager
    await manager.close()


@pytest.fixture
async def client(manager, tmp_path):
    """A client with the API key of a running gateway."""
    async with running_gateway(manager, tmp_path) as client:
        yield client
