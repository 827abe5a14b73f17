"""What a turn has gone through so far: the uids of its queue, and what the manager was seen to do."""

from __future__ import annotations

from msgspec import Struct, field

from queue_server.core.model import State
from queue_server.core.view import part_uid


class Trail(Struct):
    """The revision of the queue after the last event of a turn, and the words for what the manager did then.

    ``passed`` are the states that the turn has left with other words.
    """

    instance_id: str
    revision: int
    words: tuple[str, ...]
    passed: list[State] = field(default_factory=list[State])

    def pass_to(self, revision: int) -> tuple[str, str]:
        """Return the uids of the queue before and after; both are empty if it is as it was after the last event."""
        before, self.revision = self.revision, revision
        if before == revision or not self.instance_id:
            return "", ""
        return part_uid(self.instance_id, "queue", before), part_uid(self.instance_id, "queue", revision)
