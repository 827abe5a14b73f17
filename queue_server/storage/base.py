"""The port of the store: what every store promises, so that each passes the same contract tests.

The store *is* the queue: one row per item with its state in a column, and no list in memory beside it. All work is
done inside a transaction; nothing is visible or durable before ``transact`` returns, and everything is afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol, TypeVar

from msgspec import Struct

from queue_server.protocol.event_log import EventFilter, EventPart, EventRecord
from queue_server.protocol.item_filter import ItemFilter
from queue_server.protocol.items import AttemptKey, Item, Place, Result, Run
from queue_server.protocol.tasks import Task, TaskResult
from queue_server.storage.record_base import RecordRows

T = TypeVar("T")

Phase = Literal["dispatched", "acknowledged", "running", "finished"]

OFFLINE_CHANGE = "offline_change"
"""The name under which is saved what was done to the data while no manager ran, until the next one has taken note."""


class Claim(Struct, frozen=True):
    """The head of the lane, now running, and the fencing token of the attempt that was opened for it."""

    item: Item
    attempt: AttemptKey


class InstructionAtHead(Struct, frozen=True):
    """The head of the lane is an instruction, which nobody executes; the row is untouched."""

    item: Item


class HeldAtHead(Struct, frozen=True):
    """The head of the lane is held and waits for a person; the row is untouched."""

    item: Item


class BlockedAtHead(Struct, frozen=True):
    """The head of the lane may not begin yet; the row is untouched."""

    item: Item


NextItem = Claim | InstructionAtHead | HeldAtHead | BlockedAtHead | None


class RunningItem(Struct, frozen=True):
    """An item whose attempt has not ended, with what is known of it."""

    item: Item
    attempt: AttemptKey
    phase: Phase
    time_start: float
    runs: tuple[Run, ...]


class HistoryEntry(Struct, frozen=True):
    """A finished item: number in order of finishing, the content that clients see, and how it ended."""

    number: int
    item: Item
    result: Mapping[str, Any]

    def shown(self) -> dict[str, Any]:
        """Return the map that clients see: the item with its ``result``."""
        return {**self.item.shown(), "result": dict(self.result)}


class HistoryPart(Struct, frozen=True):
    """A part of the history in order of finishing, and the number below which it goes on; None at its end."""

    entries: list[HistoryEntry]
    before: int | None = None


class StoredReply(Struct, frozen=True):
    """The finished answer to a request that carried an idempotency key."""

    digest: bytes
    reply: bytes


class StoredTask(Struct, frozen=True):
    """A task, and its result if it has ended."""

    task: Task
    result: TaskResult | None = None


class Transaction(RecordRows, Protocol):
    """Everything that can be done to the store, valid only inside ``Store.transact``.

    "The queue" of a lane is its items in the states queued and held, in order; a running item is not in it.
    """

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what was done inside the block if it raises; the rest of the transaction stands."""
        ...

    def insert(self, items: Sequence[Item], place: Place) -> None:
        """Put ``items`` (all of one lane, states queued or held) into their queue in the given order, side by side.

        ``place.position`` is ``front``, ``back``, or an index counted from the front at which the first item then
        stands (0 to the size of the queue); ``before_uid``/``after_uid`` name an item in the queue of that lane.

        Raises:
            ParameterError: an index outside of the queue, items of several lanes, or content that is not JSON.
            NotFoundError: the neighbour is not in the queue.
            ConflictError: an item with one of these uids exists already, in any state.
        """
        ...

    def move(self, uid: str, place: Place) -> None:
        """Move an item of a queue to a place next to another item, or to the front or the back.

        Raises:
            NotFoundError: the item or its neighbour is not in the queue.
        """
        ...

    def replace(self, uid: str, item: Item) -> None:
        """Put ``item`` at the place of ``uid``; both uids may be the same.

        Raises:
            NotFoundError: ``uid`` is not in a queue.
            ConflictError: the new uid belongs to another item.
        """
        ...

    def remove(self, uids: Sequence[str]) -> None:
        """Take items out of their queue for good; uids that are not in a queue are an error.

        Raises:
            NotFoundError: one of them is not in a queue.
        """
        ...

    def clear(self, lane: str) -> int:
        """Take all items out of the queue of a lane; return how many there were."""
        ...

    def set_held(self, uid: str, reason: str | None) -> None:
        """Hold an item of a queue for ``reason``, or release it if that is None.

        Raises:
            NotFoundError: the item is not in a queue.
        """
        ...

    def item(self, uid: str) -> Item | None:
        """Return an item in any state, or None."""
        ...

    def item_at(self, lane: str, index: int) -> Item | None:
        """Return the item at ``index`` of the queue, negative from the back, or None if it is out of range."""
        ...

    def index_of(self, uid: str) -> int | None:
        """Return the place of an item counted from the front of its queue, or None if it is not in a queue."""
        ...

    def neighbours(self, uid: str) -> tuple[str | None, str | None]:
        """Return the uids directly before and directly behind an item of a queue, None where the queue ends.

        Raises:
            NotFoundError: the item is not in a queue.
        """
        ...

    def queue(self, lane: str, *, limit: int | None = None, after_uid: str | None = None) -> list[Item]:
        """Return the queue of a lane in order: at most ``limit`` items, beginning behind ``after_uid``.

        Raises:
            NotFoundError: ``after_uid`` is not in the queue.
        """
        ...

    def count_queue(self, lane: str) -> int:
        """Return the size of the queue of a lane, held items included."""
        ...

    def claim_next(
        self, lane: str, epoch: int, time: float, may_begin: Callable[[Item], bool] | None = None
    ) -> NextItem:
        """Open an attempt for the head of the queue, in state dispatched; the number counts per submission from 1.

        ``may_begin`` is asked about a head that nothing else keeps; without it such a head always may.

        Raises:
            ConflictError: an attempt is open in that lane already.
        """
        ...

    def set_phase(self, attempt: AttemptKey, phase: Phase) -> None:
        """Record how far an open attempt is.

        Raises:
            NotFoundError: no such attempt is open.
        """
        ...

    def open_run(self, attempt: AttemptKey, run: Run) -> None:
        """Record a run of an open attempt; the same run again changes nothing.

        Raises:
            NotFoundError: no such attempt is open.
        """
        ...

    def close_run(self, attempt: AttemptKey, run_uid: str, exit_status: str) -> None:
        """Record the end of a run of an open attempt.

        Raises:
            NotFoundError: no such attempt is open, or it has no such run.
        """
        ...

    def finish(self, attempt: AttemptKey, result: Result) -> Item:
        """End an open attempt: the item becomes the newest entry of the history. Return the item.

        Raises:
            NotFoundError: no such attempt is open (it ended already, or it was never started).
        """
        ...

    def running(self) -> list[RunningItem]:
        """Return the items whose attempts are open, in all lanes."""
        ...

    def history(self, *, limit: int | None = None, before: int | None = None) -> list[HistoryEntry]:
        """Return finished items in order of finishing: the newest ``limit`` of those with a number below ``before``."""
        ...

    def find_history(self, wanted: ItemFilter, *, limit: int, before: int | None = None) -> HistoryPart:
        """Return the newest finished items that fit, at most ``limit``, of those with a number below ``before``.

        A part may have fewer although there are more: one search examines a bounded number of entries.
        """
        ...

    def history_entry(self, uid: str) -> HistoryEntry | None:
        """Return a finished item, or None."""
        ...

    def change_result(self, uid: str, result: Mapping[str, Any]) -> None:
        """Write what is known now of how a finished item ended; its attempt stays what it was.

        Raises:
            NotFoundError: no item of that uid is finished.
            ParameterError: the result cannot be stored as JSON.
        """
        ...

    def count_history(self) -> int:
        """Return the number of finished items."""
        ...

    def trim_history(self, keep: int) -> int:
        """Remove all but the newest ``keep`` entries; return how many were removed."""
        ...

    def trim_history_to(self, uid: str) -> int:
        """Remove the entries older than the entry of ``uid``, and that entry; return how many were removed.

        Raises:
            NotFoundError: no finished item has that uid.
        """
        ...

    def append_event(self, event: EventRecord) -> int:
        """Append to the event log and return the sequence number, which grows by 1 with each event."""
        ...

    def find_events(
        self, wanted: EventFilter, *, limit: int, since: int = 0, before: int | None = None, newest_first: bool = False
    ) -> EventPart:
        """Return events that fit, at most ``limit``, with numbers above ``since`` and below ``before``.

        A part may have fewer although there are more: one search examines a bounded number of events.
        """
        ...

    def edits(self, before: int | None, limit: int) -> list[EventRecord]:
        """Return the newest events with something that takes them back, newest first, with numbers below ``before``."""
        ...

    def undo_of(self, seq: int) -> str:
        """Return the ``undo`` of an event, empty if it has none."""
        ...

    def events(self, since: int, limit: int) -> list[EventRecord]:
        """Return the events with a sequence number above ``since``, oldest first, at most ``limit``."""
        ...

    def last_seq(self) -> int:
        """Return the sequence number of the newest event, 0 if there is none."""
        ...

    def load(self, name: str) -> bytes | None:
        """Return the value saved under ``name``, or None."""
        ...

    def save(self, name: str, value: bytes) -> None:
        """Save a value under ``name``."""
        ...

    def start_task(self, task: Task) -> None:
        """Write a task that is about to be sent; its content is not kept.

        Raises:
            ConflictError: there is a task with that uid.
        """
        ...

    def finish_task(self, uid: str, result: TaskResult) -> None:
        """Write how a running task ended.

        Raises:
            NotFoundError: no task of that uid is running.
            ParameterError: the return value cannot be stored as JSON.
        """
        ...

    def task(self, uid: str) -> StoredTask | None:
        """Return a task, with its result if it has ended, or None."""
        ...

    def running_tasks(self) -> list[Task]:
        """Return the tasks that have not ended, in all lanes, oldest first."""
        ...

    def forget_tasks(self, *, before: float, keep: int) -> None:
        """Forget the tasks that ended before a time, and all but the newest ``keep`` of those that have ended."""
        ...

    def stored_reply(self, key: str) -> StoredReply | None:
        """Return the finished answer kept for an idempotency key, or None."""
        ...

    def store_reply(self, key: str, reply: StoredReply, time: float) -> None:
        """Keep the finished answer to the request with an idempotency key.

        Raises:
            ConflictError: an answer is kept for that key already.
        """
        ...

    def forget_replies(self, *, before: float, keep: int, most: int) -> None:
        """Forget the answers from before a time and all but the newest ``keep``: the oldest first, at most ``most``."""
        ...


class Store(Protocol):
    """A store that this process owns alone, opened in a new epoch."""

    @property
    def instance_id(self) -> str:
        """The identity of the stored data, for ever the same."""
        ...

    @property
    def epoch(self) -> int:
        """The number of this opening, larger than that of every opening before."""
        ...

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction off the event loop, commit it, and return its result.

        Raises:
            StorageFullError: no space is left; nothing was changed.
            StorageError: the store cannot be used any more; the last commit stands.
            Exception: whatever ``work`` raised; nothing was changed.
        """
        ...

    async def close(self) -> None:
        """Finish the transaction under way and let go of the data directory."""
        ...
