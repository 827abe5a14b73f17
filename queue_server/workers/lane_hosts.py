"""Which host has the worker of which lane: a launcher of its own for some lanes, this process for the others."""

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


class LaneHosts:
    """The hosts of all lanes as one."""

    def __init__(self, default: Host, others: Mapping[str, Host]) -> None:
        self._default = default
        self._others = dict(others)

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
        for host in (self._default, *self._others.values()):
            await host.close()

    def _of(self, lane: str) -> Host:
        return self._others.get(lane, self._default)
