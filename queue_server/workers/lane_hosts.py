"""Which host has the worker of which lane.

Some lanes have a launcher of their own, some have workers that connect by themselves, and this process has the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


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
