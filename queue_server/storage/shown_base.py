"""The part of the store's port that gives long lists as clients see them, without a value for each entry."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from queue_server.protocol.written_list import Piece


class ShownHistory(Struct, frozen=True):
    """Entries of the history in order of finishing, and the numbers of the first and the last; 0 if there are none."""

    piece: Piece
    first: int = 0
    last: int = 0


class ShownQueue(Struct, frozen=True):
    """Items of a queue in order, and the uid of the last of them; empty if there are none."""

    piece: Piece
    last_uid: str = ""


class ShownRows(Protocol):
    """What is shown of queue and history, inside a transaction."""

    def shown_queue(self, lane: str, *, limit: int | None = None, after_uid: str | None = None) -> ShownQueue:
        """Return what clients see of the items that ``queue`` returns.

        Raises:
            NotFoundError: ``after_uid`` is not in the queue.
        """
        ...

    def shown_history(self, *, limit: int | None = None, before: int | None = None) -> ShownHistory:
        """Return what clients see of the entries that ``history`` returns."""
        ...
