"""Which host has the worker of which lane.

Some lanes have a launcher of their own, here or on another host, some have workers that connect by themselves, and this
process has the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.lane_settings import FarLauncher, LaneSettings, Launcher
from queue_server.workers.far_host import FarHost
from queue_server.workers.host import Exited
from queue_server.workers.link import WorkerLinkSocket
from queue_server.workers.unit_host import UnitHost

_FIELD = "worker_launchers"


class Host(Protocol):
    """Starts, watches and kills workers; their ends come back as events."""

    def start(self, lane: str, incarnation: str) -> None:
        """Start a worker; a failure to start is told as its exit."""
        ...

    def adopt(self, lane: str, incarnation: str) -> bool:
        """Watch a worker that an earlier manager started; False if it is known to be gone."""
        ...

    def kill(self, lane: str, incarnation: str) -> None:
        """Kill a worker."""
        ...

    async def close(self) -> None:
        """Stop watching; the workers live on."""
        ...


class Remote(Host, Protocol):
    """The host of workers that connect by themselves; which lanes those are changes at run time."""

    def serves(self, lane: str) -> bool:
        """Return whether the worker of that lane connects by itself."""
        ...


class LaneHosts:
    """The hosts of all lanes as one."""

    def __init__(self, default: Host, others: Mapping[str, Host], remote: Remote) -> None:
        self._default = default
        self._others = dict(others)
        self._remote = remote

    def start(self, lane: str, incarnation: str) -> None:
        """Start the worker of a lane where that lane has it."""
        self._of(lane).start(lane, incarnation)

    def adopt(self, lane: str, incarnation: str) -> bool:
        """Watch a worker that an earlier manager started; return False if it is known to be gone."""
        return self._of(lane).adopt(lane, incarnation)

    def kill(self, lane: str, incarnation: str) -> None:
        """Kill the worker of a lane."""
        self._of(lane).kill(lane, incarnation)

    async def close(self) -> None:
        """Stop watching; the workers live on."""
        for host in (self._default, *self._others.values(), self._remote):
            await host.close()

    def _of(self, lane: str) -> Host:
        return self._remote if self._remote.serves(lane) else self._others.get(lane, self._default)


def far_lanes(launchers: Mapping[str, Launcher]) -> frozenset[str]:
    """Return the lanes whose workers are on other hosts."""
    return frozenset(lane for lane, launcher in launchers.items() if isinstance(launcher, FarLauncher))


def host_launched(
    launchers: Mapping[str, Launcher],
    lanes: Mapping[str, LaneSettings],
    link: WorkerLinkSocket,
    options: Callable[[str, str], list[str]],
    exited: Exited,
) -> dict[str, Host]:
    """Return the host of each lane that has a launcher.

    Raises:
        ParameterError: there is no such lane, or its worker cannot be on another host.
    """
    far = FarHost(link, options, exited)
    hosts: dict[str, Host] = {}
    for lane, launcher in launchers.items():
        if lane not in lanes:
            message = f"{_FIELD!r} names the lane {lane!r}, which does not exist. Lanes: {list(lanes)}."
            raise ParameterError(message, field=_FIELD)
        if isinstance(launcher, FarLauncher):
            _check_far(lane, lanes[lane], link.address)
            link.attach(far.hear_standing)
            hosts[lane] = far
        else:
            hosts[lane] = UnitHost(launcher, options, exited)
    return hosts


def _check_far(lane: str, settings: LaneSettings, address: str) -> None:
    """Refuse what the worker of a lane cannot do on another host."""
    if not address.startswith("tcp:"):
        why = "the worker link is a socket of this host: set 'worker_link' to an address such as tcp://0.0.0.0:60620"
    elif settings.executes_graphs:
        why = "its worker executes graphs, and shares the store of artifacts with the manager"
    else:
        return
    raise ParameterError(f"{_FIELD!r}: the lane {lane!r} cannot be on another host, because {why}.", field=_FIELD)
