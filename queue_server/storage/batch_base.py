"""The part of the store's port that keeps batches and answers: what every store promises of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from queue_server.protocol.answers import Answer, Repeatable
from queue_server.protocol.batches import Batch


class BatchPart(Struct, frozen=True):
    """A part of the batches, the newest first, each with the cursor that goes on behind it, and if there are others."""

    entries: list[tuple[str, Batch]]
    has_more: bool


class BatchRows(Protocol):
    """What can be done to batches, answers and many items at once, inside a transaction; the first two never change."""

    def set_all_held(self, uids: Sequence[str], reason: str | None) -> None:
        """Hold items of queues for ``reason``, or release them if that is None.

        Raises:
            NotFoundError: one of them is not in a queue, or is named twice; nothing was changed.
        """
        ...

    def add_batch(self, batch: Batch) -> None:
        """Write a new batch; its items are submissions that name it.

        Raises:
            ConflictError: there is a batch of that id.
        """
        ...

    def batch(self, identity: str) -> Batch | None:
        """Return a batch, or None."""
        ...

    def batches(self, *, limit: int, project: str | None = None, cursor: str | None = None) -> BatchPart:
        """Return batches, the newest first: at most ``limit`` (1 or more), beginning behind ``cursor``.

        Raises:
            ParameterError: no list gives such a cursor.
        """
        ...

    def answer(self, request: Repeatable) -> Answer | None:
        """Return the answer that is kept for a request, be it expired or not, or None."""
        ...

    def keep_answer(self, answer: Answer) -> None:
        """Keep an answer, in the place of one that was kept for the same request."""
        ...

    def forget_answers(self, *, now: float, most: int) -> int:
        """Forget answers that have expired, the oldest first and at most ``most``; return how many there were."""
        ...

    def next_expiry(self) -> float | None:
        """Return when the next answer expires, or None if none is kept."""
        ...
