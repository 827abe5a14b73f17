"""The store in memory: the same promises as on disk, as long as the process lives. For tests and trial runs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from queue_server.clock import Chance, Clock
from queue_server.protocol.errors import StorageError
from queue_server.storage.base import Transaction
from queue_server.storage.memory_artifacts import ArtifactTables
from queue_server.storage.memory_batches import BatchTables
from queue_server.storage.memory_devices import DeviceTables
from queue_server.storage.memory_exams import ExamTables
from queue_server.storage.memory_recordings import RecordingTables
from queue_server.storage.memory_shown import ShownTables
from queue_server.storage.memory_tasks import TaskTables
from queue_server.storage.memory_workflows import RankingTables
from queue_server.storage.tables import Tables

T = TypeVar("T")


def open_memory(*, clock: Clock, chance: Chance) -> MemoryStore:
    """Return a new, empty store in its first epoch.

    Args:
        clock: taken so that both stores are opened alike; nothing here records a time of its own.
        chance: gives the identity.
    """
    del clock
    return MemoryStore(Tables(), chance.identifier(), 1)


class MemoryTransaction(
    ShownTables,
    TaskTables,
    ExamTables,
    DeviceTables,
    RankingTables,
    RecordingTables,
    BatchTables,
    ArtifactTables,
):
    """Everything that can be done to the store, on its tables."""

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo what was done inside the block if it raises."""
        mark = self._tables.mark()
        try:
            yield
        except BaseException:
            self._tables.undo_to(mark)
            raise


class MemoryStore:
    """Tables in memory; see the port for what it promises."""

    def __init__(self, tables: Tables, instance_id: str, epoch: int) -> None:
        self._tables = tables
        self._instance_id = instance_id
        self._epoch = epoch
        self._is_closed = False

    @property
    def instance_id(self) -> str:
        """The identity of the stored data, for ever the same."""
        return self._instance_id

    @property
    def epoch(self) -> int:
        """The number of this opening, larger than that of every opening before."""
        return self._epoch

    def reopen(self) -> MemoryStore:
        """Return a store with the same rows in the next epoch, as if the process had ended and started again."""
        self._is_closed = True
        return MemoryStore(self._tables, self._instance_id, self._epoch + 1)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction and return its result.

        Raises:
            StorageError: the store is closed.
            Exception: whatever ``work`` raised; nothing was changed.
        """
        if self._is_closed:
            raise StorageError("The store is closed.")
        transaction = MemoryTransaction(self._tables)
        try:
            answer = work(transaction)
        except BaseException:
            self._tables.undo_to(0)
            raise
        finally:
            transaction.end()
        self._tables.forget_changes()
        return answer

    async def close(self) -> None:
        """Refuse every further transaction."""
        self._is_closed = True
