"""The tables of the store in memory, and the same work on them that statements do on rows.

Whatever is in a table never changes; a change replaces it and notes what was there before.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from queue_server.protocol.errors import ConflictError, StorageError
from queue_server.protocol.items import AttemptKey, Item, Place, Result, Run
from queue_server.storage import admission, content
from queue_server.storage.base import (
    Claim,
    EventRecord,
    HeldAtHead,
    HistoryEntry,
    InstructionAtHead,
    NextItem,
    Phase,
    RunningItem,
    StoredReply,
)

_ABSENT = object()
Order = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _StoredItem:
    """An item with its content as text, so that nobody can change it from outside."""

    item: Item
    text: str

    def read(self) -> Item:
        return replace(self.item, content=content.decode(self.text))


@dataclass(frozen=True, slots=True)
class _Attempt:
    key: AttemptKey
    phase: Phase
    time_start: float
    runs: tuple[Run, ...] = ()


@dataclass(slots=True)
class Tables:
    """Everything that is stored, and how to undo what a transaction has done so far."""

    items: dict[str, _StoredItem] = field(default_factory=dict[str, _StoredItem])
    orders: dict[str, Order] = field(default_factory=dict[str, Order])
    open_attempts: dict[str, _Attempt] = field(default_factory=dict[str, _Attempt])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    history: dict[str, Order] = field(default_factory=dict[str, Order])
    results: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    events: dict[int, tuple[EventRecord, str]] = field(default_factory=dict[int, tuple[EventRecord, str]])
    documents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    replies: dict[str, StoredReply] = field(default_factory=dict[str, StoredReply])
    changes: list[tuple[MutableMapping[Any, Any], Any, Any]] = field(
        default_factory=list[tuple[MutableMapping[Any, Any], Any, Any]]
    )

    def put(self, table: MutableMapping[Any, Any], key: object, value: object) -> None:
        """Set an entry."""
        self.changes.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def drop(self, table: MutableMapping[Any, Any], key: object) -> None:
        """Remove an entry, if it is there."""
        if key in table:
            self.changes.append((table, key, table.pop(key)))

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
