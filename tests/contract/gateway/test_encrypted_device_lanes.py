"""The lane of a device at a manager whose worker link is encrypted: the gateway needs the key of a worker."""

from __future__ import annotations

import uuid

import pytest
import zmq

from queue_server.protocol.worker_link import Hello
from tests.doubles.device_lanes import TOKEN, DeviceManager, gateway_with_devices
from tests.doubles.scanner import connected

PUBLIC, SECRET = zmq.curve_keypair()


@pytest.fixture
async def manager():
    """A manager that knows one device and hears only workers that know its key."""
    manager = DeviceManager(SECRET)
    yield manager
    await manager.close()


@pytest.fixture
def key_files(tmp_path):
    """The settings with the keys of the link, in files."""
    secret, manager = tmp_path / "worker.secret", tmp_path / "manager.key"
    secret.write_bytes(zmq.curve_keypair()[1])
    secret.chmod(0o600)
    manager.write_bytes(PUBLIC)
    return {"worker_key_file": secret, "manager_key_file": manager}


async def test_a_scan_runs_over_an_encrypted_link(manager, device, tmp_path, key_files):
    async with (
        gateway_with_devices(manager, tmp_path, **key_files) as gateway,
        connected(gateway, device, TOKEN) as scanner,
    ):
        await scanner.register()
        assert (await manager.lanes.wait_for(device, Hello)).lane == device
        key = await manager.execute(device, str(uuid.uuid4()))
        await scanner.begin()
        await scanner.finish(b"k-space")
        assert (await manager.outcome(key)).outcome == "completed"
