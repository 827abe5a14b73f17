from __future__ import annotations

import socket

import pytest

from device_worker.compute.cluster import EmbeddedCluster, ExistingScheduler, open_cluster
from device_worker.compute.errors import ComputeUnavailable
from device_worker.compute.settings import ComputeSettings, SchedulerAddress


@pytest.fixture
def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # Bound and not listening: whoever connects is refused.
        yield taken.getsockname()[1]


def test_a_scheduler_that_does_not_answer_is_named(closed_port):
    address = f"tcp://127.0.0.1:{closed_port}"
    with pytest.raises(ComputeUnavailable, match=f"scheduler at {address} cannot be reached"):
        ExistingScheduler(SchedulerAddress(address=address), connect_s=0.2)


def test_certificates_that_do_not_exist_are_found_at_once(tmp_path, closed_port):
    missing = tmp_path / "missing.pem"
    address = SchedulerAddress(
        address=f"tls://127.0.0.1:{closed_port}", ca_file=missing, certificate_file=missing, key_file=missing
    )
    settings = ComputeSettings(directory=tmp_path, scheduler=address)
    with pytest.raises(ComputeUnavailable, match=r"cannot be reached: .*No such file"):
        open_cluster(settings)


def test_a_directory_that_cannot_be_made_starts_no_process(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ComputeUnavailable, match=r"cannot be started: .*file"):
        EmbeddedCluster(ComputeSettings(directory=tmp_path / "file" / "scratch"))
