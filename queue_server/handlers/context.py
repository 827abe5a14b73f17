"""What a handler may use: the shown state, the resources, and for methods that touch the store the turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from queue_server.artifacts.inspection import Inspector
from queue_server.clock import Clock, SystemClock
from queue_server.core.edits import TOO_LARGE_TEXT, Edit, encode_edit
from queue_server.core.events import QueueChanged
from queue_server.core.model import State
from queue_server.core.view import part_uid
from queue_server.engine.turn import Turn
from queue_server.handlers.answers import Answers
from queue_server.handlers.kept_lists import KeptLists
from queue_server.handlers.lock_keys import LockKeys
from queue_server.handlers.repeats import Repeats
from queue_server.handlers.repetition import Repetition
from queue_server.handlers.resources import Resources
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import DEFAULT_LANE, Item, Origin
from queue_server.protocol.limits import DEFAULT_LIMITS, Limits
from queue_server.protocol.status import Status
from queue_server.protocol.stop_limits import StopLimits


class Permits(Struct, frozen=True):
    """What is offered only where a setting says so."""

    test_methods: bool = False
    scripts: bool = False


NO_PERMITS = Permits()


class Desk(Struct, frozen=True):
    """What all requests share; ``streams`` are the addresses to subscribe to, by the names of their settings."""

    state: Callable[[], State]
    status: Callable[[], Status]
    resources: Resources
    clock: Clock
    instance_id: str
    keys: LockKeys
    permits: Permits = NO_PERMITS
    streams: Mapping[str, str] = field(default_factory=dict[str, str])
    repetition: Repetition = field(default_factory=Repetition)
    limits: Limits = DEFAULT_LIMITS
    repeats: Repeats = field(default_factory=lambda: Repeats(SystemClock()))
    stop_limits: StopLimits = StopLimits()
    has_room: Callable[[], bool] = lambda: True
    answers: Answers = field(default_factory=Answers)
    kept: KeptLists = field(default_factory=KeptLists)
    workflow_files: Path | None = None
    inspector: Inspector | None = None

    def uid(self, part: str, revision: int) -> str:
        """Return the uid that clients compare for a part of the state."""
        return part_uid(self.instance_id, part, revision)


class MemoryContext(Struct, frozen=True):
    """For methods that are answered from memory."""

    desk: Desk
    origin: Origin
    lane: str = DEFAULT_LANE


class TurnContext(Struct, frozen=True):
    """For methods that read or change the store: everything happens inside one turn."""

    desk: Desk
    origin: Origin
    turn: Turn
    method: str
    lane: str = DEFAULT_LANE

    def queue_uid(self) -> str:
        """Return the uid of the queue as it is inside this turn."""
        return self.desk.uid("queue", self.turn.state.revisions.queue)

    def history_uid(self) -> str:
        """Return the uid of the history as it is inside this turn."""
        return self.desk.uid("history", self.turn.state.revisions.history)

    def record(self, **data: object) -> None:
        """Write into the event log what this request changed."""
        self.turn.record(self.method, lane=self.lane, origin=self.origin, data=data)

    def edit(self, edit: Edit, added: int = 0, item: Item | None = None, **data: object) -> None:
        """Count what an edit has changed in the queue, and write it into the event log with what takes it back.

        ``item`` is the one that was edited, if it was one.
        """
        undo = encode_edit(edit)
        if item is not None:
            data = {"item_uid": item.uid, "name": item.name, **data}
        if undo is TOO_LARGE_TEXT:
            data["too_large_to_undo"] = True
        turn = self.turn
        event = EventRecord(
            self.method,
            turn.now,
            turn.state.epoch,
            self.lane,
            item.uid if item else "",
            item.submission if item else "",
            origin=self.origin,
            data=data,
            undo=undo,
        )
        # Before what follows from the change: with autostart an added item starts in the same turn.
        turn.apply(QueueChanged(self.lane, added), then=lambda: turn.append(event))
