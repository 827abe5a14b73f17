"""The status board: the last status that was shown, renewed exactly when its content changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from queue_server.clock import Clock
from queue_server.core.model import State
from queue_server.core.view import part_uid, status_of
from queue_server.protocol.status import Status


class StatusBoard:
    """Turns states into statuses; equal content keeps the same time and uid."""

    def __init__(self, instance_id: str, name: str, clock: Clock, show: Callable[[Status], None]) -> None:
        self._instance_id = instance_id
        self._name = name
        self._clock = clock
        self._show = show
        self._state: State | None = None
        self._content: Status | None = None
        self._shown: Status | None = None
        self._renewals = 0

    @property
    def instance_id(self) -> str:
        """The identity of the data that the status describes."""
        return self._instance_id

    @property
    def status(self) -> Status:
        """The status that every client sees now.

        Raises:
            LookupError: no state was shown yet.
        """
        if self._shown is None:
            raise LookupError("no status was shown yet")
        return self._shown

    def update(self, state: State) -> None:
        """Show ``state`` if it looks different from what is shown."""
        if state is self._state:
            # A turn that only read left the state as it was.
            return
        self._state = state
        content = status_of(state, self._instance_id, self._name)
        if content == self._content:
            return
        self._content = content
        self._renewals += 1
        uid = part_uid(self._instance_id, f"status:{state.epoch}", self._renewals)
        # Local time without a zone is what clients of bluesky-queueserver read here.
        time = datetime.fromtimestamp(self._clock.wall(), tz=UTC).astimezone().replace(tzinfo=None).isoformat()
        self._shown = {**content, "time": time, "status_uid": uid, "revision": self._renewals}
        self._show(self._shown)

    def repeat(self) -> None:
        """Show the same status again, for those who have just subscribed."""
        if self._shown is not None:
            self._show(self._shown)
