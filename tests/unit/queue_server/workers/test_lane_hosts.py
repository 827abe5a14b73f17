"""The worker of each lane has the host that its lane is given, and all hosts are closed together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.lane_settings import FarLauncher, LaneSettings
from queue_server.workers.far_host import FarHost
from queue_server.workers.lane_hosts import LaneHosts, far_lanes, host_launched
from queue_server.workers.unit_host import UnitHost


class Host:
    """Notes what it is told."""

    def __init__(self):
        self.told = []

    def start(self, lane, incarnation):
        """Note a start."""
        self.told.append(("start", lane, incarnation))

    def adopt(self, lane, incarnation):
        """Note an adoption."""
        self.told.append(("adopt", lane, incarnation))
        return incarnation == "alive"

    def kill(self, lane, incarnation):
        """Note a kill."""
        self.told.append(("kill", lane, incarnation))

    async def close(self):
        """Note the end."""
        self.told.append("close")


class RemoteHost(Host):
    """Has the lane of a scanner."""

    def serves(self, lane):
        """Know that lane."""
        return lane == "scanner"


async def test_each_lane_has_its_host():
    local, unit, remote = Host(), Host(), RemoteHost()
    hosts = LaneHosts(local, {"b": unit}, remote)
    hosts.start("default", "w-1")
    hosts.start("b", "w-2")
    assert hosts.adopt("b", "alive") is True
    assert hosts.adopt("default", "gone") is False
    hosts.kill("b", "w-2")
    assert hosts.adopt("scanner", "alive") is True
    await hosts.close()
    assert local.told == [("start", "default", "w-1"), ("adopt", "default", "gone"), "close"]
    assert unit.told == [("start", "b", "w-2"), ("adopt", "b", "alive"), ("kill", "b", "w-2"), "close"]
    assert remote.told == [("adopt", "scanner", "alive"), "close"]


class Link:
    """A worker link at an address."""

    def __init__(self, address):
        self.address = address
        self.is_attached = False

    def attach(self, hear_standing):
        """Note that launchers are heard."""
        self.is_attached = True


def launched(launchers, address="tcp://127.0.0.1:60620", **lanes):
    """Return the hosts of these launchers, and the link."""
    link: Any = Link(address)
    settings = {"default": LaneSettings(startup="sim"), **lanes}
    return host_launched(launchers, settings, link, lambda lane, who: [], lambda *exit_: None), link


def test_a_launcher_has_a_socket_here_or_connects_from_another_host():
    far, here = FarLauncher.LINK, Path("/run/b.launcher")
    hosts, link = launched(
        {"default": far, "b": here, "c": far}, b=LaneSettings(startup="x"), c=LaneSettings(startup="y")
    )
    assert isinstance(hosts["b"], UnitHost)
    assert isinstance(hosts["default"], FarHost)
    assert hosts["c"] is hosts["default"]
    assert link.is_attached
    assert far_lanes({"default": far, "b": here}) == {"default"}


@pytest.mark.parametrize(
    ("launchers", "address", "said"),
    [
        ({"nowhere": FarLauncher.LINK}, "tcp://127.0.0.1:1", "which does not exist"),
        ({"default": FarLauncher.LINK}, "ipc:///tmp/link", "set 'worker_link' to an address"),
        ({"g": FarLauncher.LINK}, "tcp://127.0.0.1:1", "executes graphs"),
    ],
)
def test_what_cannot_be_on_another_host_is_refused_by_its_lane(launchers, address, said):
    with pytest.raises(ParameterError, match=said) as caught:
        launched(launchers, address, g=LaneSettings(startup="x", worker="graphs"))
    assert caught.value.field == "worker_launchers"
