"""The worker of each lane has the host that its lane is given, and all hosts are closed together."""

from __future__ import annotations

from queue_server.workers.lane_hosts import LaneHosts


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
