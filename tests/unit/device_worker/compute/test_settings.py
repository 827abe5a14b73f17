from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from device_worker.compute.settings import ComputeSettings, SchedulerAddress

FILES = {"ca_file": Path("/ca.pem"), "certificate_file": Path("/own.pem"), "key_file": Path("/own.key")}


def test_at_least_two_processes_and_no_scheduler_are_the_default(tmp_path):
    settings = ComputeSettings(directory=tmp_path)
    assert 2 <= settings.processes <= 8
    assert settings.memory_limit_mib is None
    assert settings.scheduler is None


@pytest.mark.parametrize("wrong", [{"processes": 0}, {"processes": 257}, {"memory_limit_mib": 64}, {"other": 1}])
def test_settings_have_bounds(tmp_path, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        ComputeSettings(directory=tmp_path, **wrong)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://localhost:8786"])
def test_a_scheduler_of_this_host_needs_no_certificates(address):
    assert SchedulerAddress(address=address).address == address


def test_a_scheduler_of_another_host_is_reached_with_certificates():
    assert SchedulerAddress(address="tls://dask.example.org:8786", **FILES).certificate_file is not None


@pytest.mark.parametrize(
    ("address", "files", "reason"),
    [
        ("tcp://192.168.1.5:8786", {}, "use tls://"),
        ("tcp://dask.example.org:8786", {}, "use tls://"),
        ("tcp://127.0.0.1:8786", FILES, "uses no certificates"),
        ("tls://127.0.0.1:8786", {}, "needs ca_file"),
        ("tls://127.0.0.1:8786", {"ca_file": "/ca.pem"}, "needs ca_file"),
        ("127.0.0.1:8786", {}, "not of the form"),
        ("tcp://127.0.0.1", {}, "not of the form"),
        ("tcp://127.0.0.1:high", {}, "not of the form"),
        ("tcp://127.0.0.1:99999", {}, "not of the form"),
        ("http://127.0.0.1:80", {}, "not of the form"),
    ],
)
def test_a_scheduler_that_anyone_could_reach_or_pretend_to_be_is_refused(address, files, reason):
    with pytest.raises(ValidationError, match=reason):
        SchedulerAddress(address=address, **files)
