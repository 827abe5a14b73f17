"""Long lists of the store in memory as clients see them."""

from __future__ import annotations

from queue_server.storage.memory_rows import AttemptTables, RecordTables
from queue_server.storage.shown_base import ShownHistory, ShownQueue
from queue_server.storage.shown_text import show, write_piece


class ShownTables(AttemptTables, RecordTables):
    """The part of a transaction that shows lists; the promises are those of the port."""

    def shown_queue(self, lane: str, *, limit: int | None = None, after_uid: str | None = None) -> ShownQueue:
        """Return a part of the queue as clients see it."""
        items = self.queue(lane, limit=limit, after_uid=after_uid)
        texts = [show(self._tables.items[item.uid].text, item.lane, item.state, item.reason) for item in items]
        return ShownQueue(write_piece(texts, lambda: [item.shown() for item in items]), items[-1].uid if items else "")

    def shown_history(self, *, limit: int | None = None, before: int | None = None) -> ShownHistory:
        """Return the newest finished items below a number as clients see them."""
        entries = self.history(limit=limit, before=before)
        stored = [self._tables.items[entry.item.uid] for entry in entries]
        texts = [show(each.text, each.item.lane, each.item.state, each.item.reason, each.result) for each in stored]
        piece = write_piece(texts, lambda: [entry.shown() for entry in entries])
        return ShownHistory(piece, entries[0].number, entries[-1].number) if entries else ShownHistory(piece)
