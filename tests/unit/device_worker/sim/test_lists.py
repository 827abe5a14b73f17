"""The list file that ships with the simulated profile is that of the profile."""

from __future__ import annotations

import pytest

from device_worker import sim
from device_worker.sim.lists import list_simulated
from queue_server.protocol.list_file import LIST_FILE, parse_lists


@pytest.fixture(autouse=True)
def marks_removed(monkeypatch):
    """Forget the marks of a worker process, which describing sets."""
    for name in ("_QSERVER_RE_WORKER_ACTIVE", "_QSERVER_RUNNING_IPYTHON_KERNEL"):
        monkeypatch.setenv(name, "")


def outline(plans, devices):
    """Return what does not differ between releases of the libraries: names, kinds, defaults and flags."""
    parameters = {
        name: [(each["name"], each["kind"]["name"], "default" in each) for each in plan["parameters"]]
        for name, plan in plans.items()
    }
    flags = {
        name: (device["is_readable"], device["is_movable"], device["is_flyable"], sorted(device.get("components", {})))
        for name, device in devices.items()
    }
    return parameters, flags


def test_it_lists_what_the_profile_has():
    shipped = parse_lists((sim.DIRECTORY / LIST_FILE).read_bytes())
    assert shipped is not None, "python -m device_worker.sim.lists writes it"
    found = outline(*list_simulated())
    assert outline(shipped["existing_plans"], shipped["existing_devices"]) == found


def test_its_descriptions_have_no_explaining_texts():
    shipped = parse_lists((sim.DIRECTORY / LIST_FILE).read_bytes())
    assert shipped is not None
    assert [name for name, plan in shipped["existing_plans"].items() if "description" in plan] == []
