"""What the state says of lanes whose workers connect by themselves. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from queue_server.core.model import State


class RemoteLanes:
    """Answers for the state that is shown."""

    def __init__(self, state: Callable[[], State]) -> None:
        self._state = state

    def is_remote(self, lane: str) -> bool:
        """Return whether the worker of that lane connects by itself."""
        return any(each.name == lane and each.is_remote for each in self._state().lanes)

    def is_away(self, lane: str, incarnation: str) -> bool:
        """Return whether that worker serves the lane, and nothing is heard of it."""
        workers = (each.worker for each in self._state().lanes if each.name == lane)
        return any(
            worker.incarnation == incarnation and not (worker.connected and worker.answering) for worker in workers
        )
