"""Batches and answers as rows: what statements do to their tables."""

from __future__ import annotations

from queue_server.protocol.answers import Answer, Repeatable
from queue_server.protocol.batches import Batch
from queue_server.protocol.cursors import BEHIND_ALL, read_place
from queue_server.storage.batch_base import BatchPart
from queue_server.storage.batch_content import taken, write_answer, write_batch, write_request
from queue_server.storage.database import Rows
from queue_server.storage.sql import statement

INSERT_BATCH = statement("insert_batch")
SELECT_BATCH = statement("select_batch")
LIST_BATCHES = statement("list_batches")
LIST_BATCHES_OF = statement("list_batches_of")
INSERT_ANSWER = statement("insert_answer")
SELECT_ANSWER = statement("select_answer")
DELETE_ANSWER = statement("delete_answer")
FORGET_ANSWERS = statement("forget_answers")
NEXT_EXPIRY = statement("next_expiry")


class RegisteredBatchRows(Rows):
    """The part of a transaction that works on batches and answers; the promises are those of the port."""

    def add_batch(self, batch: Batch) -> None:
        """Write a new batch."""
        if self.batch(batch.id) is not None:
            raise taken(batch.id)
        self._database.rows(INSERT_BATCH, write_batch(batch))

    def batch(self, identity: str) -> Batch | None:
        """Return a batch."""
        found = self._database.row(SELECT_BATCH, (identity,))
        return None if found is None else Batch(*found)

    def batches(self, *, limit: int, project: str | None = None, cursor: str | None = None) -> BatchPart:
        """Return a part of the batches."""
        text, wanted = (LIST_BATCHES, ()) if project is None else (LIST_BATCHES_OF, (project,))
        rows = self._database.rows(text, (read_place(cursor, BEHIND_ALL), limit + 1, *wanted))
        return BatchPart([(str(row[0]), Batch(*row[1:])) for row in rows[:limit]], len(rows) > limit)

    def answer(self, request: Repeatable) -> Answer | None:
        """Return the answer to a request."""
        found = self._database.row(SELECT_ANSWER, write_request(request))
        return None if found is None else Answer(request, *found)

    def keep_answer(self, answer: Answer) -> None:
        """Keep an answer."""
        self._database.rows(DELETE_ANSWER, write_request(answer.request))
        self._database.rows(INSERT_ANSWER, write_answer(answer))

    def forget_answers(self, *, now: float, most: int) -> int:
        """Forget expired answers."""
        return self._database.change(FORGET_ANSWERS, (now, most))

    def next_expiry(self) -> float | None:
        """Return when the next answer expires."""
        [(expires,)] = self._database.rows(NEXT_EXPIRY)
        return expires
