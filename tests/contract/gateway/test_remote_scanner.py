"""A scanner that is made with the kit at a real gateway: done after a break of the connection, with every file once."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from device_worker.remote import Credentials, Scanner
from queue_server.artifacts.store import open_artifacts
from tests.doubles.device_lanes import TOKEN, gateway_with_devices
from tests.doubles.scanner import address_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTENT = b"k-space" * 300_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(manager, directory):
    """A gateway in front of it."""
    async with gateway_with_devices(manager, directory) as client:
        for _ in range(4):
            await manager.await_subscriber()
        yield client


@pytest.fixture
def scanning(manager, gateway):
    """Let a new device with a program serve inside the block; give its id and the scanner."""

    @asynccontextmanager
    async def scanning(program):
        device_id = str(uuid.uuid4())
        manager.tokens[device_id] = TOKEN
        serving = asyncio.create_task(Scanner(address_of(gateway), Credentials(device_id, TOKEN), program).serve())
        try:
            yield device_id
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    return scanning


def read(directory, result, name):
    """Return the bytes of a file of a result."""
    with open_artifacts(directory).open(result["meta"]["artifacts"][name]["artifact_id"]) as reader:
        return b"".join(reader)


async def test_a_scan_of_a_few_lines_is_done_with_its_file(manager, scanning, directory):
    async def program(scan):
        assert scan.sequence["name"] == "spin echo"
        for percent in (25, 50, 75):
            scan.progress(percent)
        await scan.upload("image.mrd", CONTENT)

    async with scanning(program) as device_id:
        for _ in range(2):
            key = await manager.execute(device_id, str(uuid.uuid4()))
            assert (await manager.outcome(key)).outcome == "completed"
            [result] = manager.results_of(key)
            assert read(directory, result, "image.mrd") == CONTENT


async def test_a_scan_that_raises_has_failed_with_what_it_said(manager, scanning):
    async def program(scan):
        raise RuntimeError("the gradient is too hot")

    async with scanning(program) as device_id:
        key = await manager.execute(device_id, str(uuid.uuid4()))
        outcome = await manager.outcome(key)
        assert (outcome.outcome, "the gradient is too hot" in outcome.message) == ("failed", True)
