"""The tables of the store in memory, and how to undo what a transaction has done to them. It knows no rules.

Whatever is in a table never changes; a change replaces it and notes what was there before.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from queue_server.protocol.answers import Answer, Repeatable
from queue_server.protocol.batches import Batch
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.exam_records import SequenceFiles
from queue_server.protocol.items import AttemptKey, Item, Run
from queue_server.protocol.recordings import RecordedRun
from queue_server.storage import content
from queue_server.storage.base import HistoryEntry, Phase, RunningItem, StoredReply, StoredTask

Table = MutableMapping[Any, Any]

_ABSENT = object()


class StoredItem(Struct, frozen=True):
    """An item with its content and its result as text, so that nobody can change them from outside."""

    item: Item
    text: str
    number: int = 0
    result: str = ""

    @classmethod
    def of(cls, item: Item) -> StoredItem:
        """Return what is stored of ``item``.

        Raises:
            ParameterError: its content cannot be stored as JSON.
        """
        return cls(replace(item, content={}), content.encode(item.content))

    def read(self) -> Item:
        """Return the item."""
        return replace(self.item, content=content.decode(self.text))

    def read_entry(self) -> HistoryEntry:
        """Return the entry of the history."""
        return HistoryEntry(self.number, self.read(), content.decode(self.result))


class StoredAttempt(Struct, frozen=True):
    """An attempt that is open."""

    key: AttemptKey
    phase: Phase
    time_start: float
    runs: tuple[Run, ...] = ()

    def read(self, item: Item) -> RunningItem:
        """Return the running item."""
        return RunningItem(item, self.key, self.phase, self.time_start, self.runs)


class StoredEvent(Struct, frozen=True):
    """An event with its data as text."""

    event: EventRecord
    text: str

    @classmethod
    def of(cls, event: EventRecord, seq: int) -> StoredEvent:
        """Return what is stored of ``event``.

        Raises:
            ParameterError: its data cannot be stored as JSON.
        """
        origin = replace(event.origin, extra=content.decode(content.encode(event.origin.extra)))
        return cls(replace(event, seq=seq, data={}, origin=origin), content.encode(event.data))

    def read(self) -> EventRecord:
        """Return the event."""
        return replace(self.event, data=content.decode(self.text), undo="")


class StoredRecord(Struct, frozen=True):
    """An exam record or a device as the row that it has on disk, where it stands, and the order of creation."""

    position: int
    place: int
    row: tuple[Any, ...]


class StoredWorkflow(Struct, frozen=True):
    """What all versions of a workflow have in common."""

    place: int
    version: int
    slots: str
    removed: float | None = None


class WorkflowRecords(Struct):
    """Workflows, their groups, and what finds the order of results."""

    workflows: dict[str, StoredWorkflow] = field(default_factory=dict[str, StoredWorkflow])
    workflow_versions: dict[tuple[str, int], tuple[Any, ...]] = field(
        default_factory=dict[tuple[str, int], tuple[Any, ...]]
    )
    workflow_groups: dict[str, StoredRecord] = field(default_factory=dict[str, StoredRecord])
    files: dict[str, StoredRecord] = field(default_factory=dict[str, StoredRecord])
    artifact_places: dict[tuple[Any, ...], int] = field(default_factory=dict[tuple[Any, ...], int])
    postprocessing: dict[str, StoredRecord] = field(default_factory=dict[str, StoredRecord])
    ranks: dict[tuple[str, int], tuple[Any, ...]] = field(default_factory=dict[tuple[str, int], tuple[Any, ...]])


class FollowedRecords(WorkflowRecords):
    """Work that is followed, the batches in which it came, and answers that are given again."""

    submissions: dict[str, tuple[Any, ...]] = field(default_factory=dict[str, tuple[Any, ...]])
    results: dict[tuple[str, int], tuple[Any, ...]] = field(default_factory=dict[tuple[str, int], tuple[Any, ...]])
    batches: dict[str, tuple[int, Batch]] = field(default_factory=dict[str, tuple[int, Batch]])
    answers: dict[Repeatable, Answer] = field(default_factory=dict[Repeatable, Answer])


class Records(FollowedRecords):
    """What has been, and what was saved."""

    history: dict[int, str] = field(default_factory=dict[int, str])
    events: dict[int, StoredEvent] = field(default_factory=dict[int, StoredEvent])
    tasks: dict[str, StoredTask] = field(default_factory=dict[str, StoredTask])
    documents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    replies: dict[str, StoredReply] = field(default_factory=dict[str, StoredReply])
    reply_times: dict[str, float] = field(default_factory=dict[str, float])
    exam_records: dict[tuple[str, str], StoredRecord] = field(default_factory=dict[tuple[str, str], StoredRecord])
    sequence_files: dict[str, SequenceFiles] = field(default_factory=dict[str, SequenceFiles])
    devices: dict[str, StoredRecord] = field(default_factory=dict[str, StoredRecord])


class Tables(Records):
    """Everything that is stored."""

    items: dict[str, StoredItem] = field(default_factory=dict[str, StoredItem])
    orders: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    attempts: dict[str, StoredAttempt] = field(default_factory=dict[str, StoredAttempt])
    last_attempts: dict[str, int] = field(default_factory=dict[str, int])
    counters: dict[str, int] = field(default_factory=dict[str, int])
    recordings: dict[int, RecordedRun] = field(default_factory=dict[int, RecordedRun])
    changes: list[tuple[Table, object, object]] = field(default_factory=list[tuple[Table, object, object]])

    def put(self, table: Table, key: object, value: object) -> None:
        """Set an entry."""
        self.changes.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def drop(self, table: Table, key: object) -> None:
        """Remove an entry that is there."""
        self.changes.append((table, key, table.pop(key)))

    def count(self, name: str) -> int:
        """Return the next number of a counter, from 1."""
        number = self.counters.get(name, 0) + 1
        self.put(self.counters, name, number)
        return number

    def mark(self) -> int:
        """Return how much has been changed so far."""
        return len(self.changes)

    def undo_to(self, mark: int) -> None:
        """Undo what was changed since a mark."""
        while len(self.changes) > mark:
            table, key, before = self.changes.pop()
            if before is _ABSENT:
                del table[key]
            else:
                table[key] = before

    def forget_changes(self) -> None:
        """Let the changes stand."""
        self.changes.clear()
