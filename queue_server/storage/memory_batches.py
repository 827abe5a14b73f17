"""The work of a transaction on batches and answers in memory, the same as that of the statements on rows."""

from __future__ import annotations

from queue_server.protocol.answers import Answer, Repeatable
from queue_server.protocol.batches import Batch
from queue_server.protocol.cursors import BEHIND_ALL, read_place
from queue_server.storage.batch_base import BatchPart
from queue_server.storage.batch_content import taken
from queue_server.storage.memory_rows import MemoryRows


class BatchTables(MemoryRows):
    """The part of a transaction that works on batches and answers; the promises are those of the port."""

    def add_batch(self, batch: Batch) -> None:
        """Write a new batch."""
        if batch.id in self._tables.batches:
            raise taken(batch.id)
        self._tables.put(self._tables.batches, batch.id, (self._tables.count("batches"), batch))

    def batch(self, identity: str) -> Batch | None:
        """Return a batch."""
        found = self._tables.batches.get(identity)
        return None if found is None else found[1]

    def batches(self, *, limit: int, project: str | None = None, cursor: str | None = None) -> BatchPart:
        """Return a part of the batches."""
        before = read_place(cursor, BEHIND_ALL)
        known = sorted(self._tables.batches.values(), key=lambda each: each[0], reverse=True)
        fitting = [(str(place), batch) for place, batch in known if place < before and project in (None, batch.project)]
        return BatchPart(fitting[:limit], len(fitting) > limit)

    def answer(self, request: Repeatable) -> Answer | None:
        """Return the answer to a request."""
        return self._tables.answers.get(request)

    def keep_answer(self, answer: Answer) -> None:
        """Keep an answer."""
        self._tables.put(self._tables.answers, answer.request, answer)

    def forget_answers(self, *, now: float, most: int) -> int:
        """Forget expired answers."""
        expired = sorted(
            (answer for answer in self._tables.answers.values() if not answer.holds(now)),
            key=lambda answer: answer.expires,
        )[:most]
        for answer in expired:
            self._tables.drop(self._tables.answers, answer.request)
        return len(expired)

    def next_expiry(self) -> float | None:
        """Return when the next answer expires."""
        return min((answer.expires for answer in self._tables.answers.values()), default=None)
