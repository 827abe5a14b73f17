"""What has been, as rows: the history, the event log, saved documents and finished answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queue_server.protocol.event_log import EventRecord
from queue_server.storage import admission, content
from queue_server.storage.base import HistoryEntry, StoredReply
from queue_server.storage.checksums import row_sum
from queue_server.storage.database import Rows
from queue_server.storage.shown_base import ShownHistory
from queue_server.storage.shown_text import show, write_piece
from queue_server.storage.sql import Row, as_item_rows, read_event, read_history, statement, write_event

_EVENTS = "events"
NO_LIMIT = -1
ABOVE_ALL = (1 << 63) - 1

SELECT_HISTORY = statement("select_history")
COUNT_HISTORY = statement("count_history")
SELECT_HISTORY_NUMBER = statement("select_history_number")
SELECT_HISTORY_ENTRY = statement("select_history_entry")
CHANGE_RESULT = statement("change_result")
SELECT_NEWEST_TRIMMED = statement("select_newest_trimmed")
FORGET_ITEMS = statement("forget_items")
TRIM_HISTORY = statement("trim_history")
TRIM_ATTEMPTS = statement("trim_attempts")
INSERT_EVENT = statement("insert_event")
SELECT_EVENTS = statement("select_events")
LAST_SEQ = statement("last_seq")
LOAD_DOCUMENT = statement("load_document")
SAVE_DOCUMENT = statement("save_document")
SELECT_REPLY = statement("select_reply")
INSERT_REPLY = statement("insert_reply")
FORGET_REPLIES = statement("forget_replies")


class RecordRows(Rows):
    """The part of a transaction that works on records; the promises are those of the port."""

    def history(self, *, limit: int | None = None, before: int | None = None) -> list[HistoryEntry]:
        """Return the newest finished items below a number, in order of finishing."""
        return read_history(as_item_rows(self._history_rows(limit, before)))

    def shown_history(self, *, limit: int | None = None, before: int | None = None) -> ShownHistory:
        """Return the newest finished items below a number as clients see them."""
        rows = self._history_rows(limit, before)
        texts = [show(row[7], row[1], row[3], row[6], row[9]) for row in rows]
        piece = write_piece(texts, lambda: [entry.shown() for entry in read_history(as_item_rows(rows))])
        return ShownHistory(piece, rows[0][8], rows[-1][8]) if rows else ShownHistory(piece)

    def _history_rows(self, limit: int | None, before: int | None) -> list[Row]:
        below = ABOVE_ALL if before is None else before
        at_most = NO_LIMIT if limit is None else max(limit, 0)
        return self._database.sound_rows("history", SELECT_HISTORY, (below, at_most))[::-1]

    def history_entry(self, uid: str) -> HistoryEntry | None:
        """Return a finished item."""
        found = read_history(self._database.rows(SELECT_HISTORY_ENTRY, (uid,)))
        return found[0] if found else None

    def change_result(self, uid: str, result: Mapping[str, Any]) -> None:
        """Write what is known now of how a finished item ended."""
        if not self._database.change(CHANGE_RESULT, (content.encode(result), uid)):
            raise admission.not_in_history(uid)

    def count_history(self) -> int:
        """Return the number of finished items."""
        [(count,)] = self._database.rows(COUNT_HISTORY)
        return count

    def trim_history(self, keep: int) -> int:
        """Keep only the newest entries."""
        found = self._database.row(SELECT_NEWEST_TRIMMED, (max(keep, 0),))
        return 0 if found is None else self._trim(found[0])

    def trim_history_to(self, uid: str) -> int:
        """Remove the entries up to the one of an item."""
        found = self._database.row(SELECT_HISTORY_NUMBER, (uid,))
        if found is None:
            raise admission.not_in_history(uid)
        return self._trim(found[0])

    def _trim(self, number: int) -> int:
        self._database.rows(FORGET_ITEMS, (number,))
        removed = self._database.change(TRIM_HISTORY, (number,))
        self._database.rows(TRIM_ATTEMPTS)
        return removed

    def append_event(self, event: EventRecord) -> int:
        """Append to the event log."""
        self._database.newest[_EVENTS] = seq = self.last_seq() + 1
        values = (seq, *write_event(event))
        self._database.rows(INSERT_EVENT, (*values, row_sum("events", *values)))
        return seq

    def events(self, since: int, limit: int) -> list[EventRecord]:
        """Return the events behind a sequence number."""
        return [read_event(row) for row in self._database.rows(SELECT_EVENTS, (since, max(limit, 0)))]

    def last_seq(self) -> int:
        """Return the sequence number of the newest event."""
        newest = self._database.newest
        if _EVENTS not in newest:
            [(newest[_EVENTS],)] = self._database.rows(LAST_SEQ)
        return newest[_EVENTS]

    def load(self, name: str) -> bytes | None:
        """Return a saved value."""
        found = self._database.row(LOAD_DOCUMENT, (name,))
        return None if found is None else found[0]

    def save(self, name: str, value: bytes) -> None:
        """Save a value."""
        self._database.rows(SAVE_DOCUMENT, (name, value))

    def stored_reply(self, key: str) -> StoredReply | None:
        """Return a finished answer."""
        found = self._database.row(SELECT_REPLY, (key,))
        return None if found is None else StoredReply(*found)

    def store_reply(self, key: str, reply: StoredReply, time: float) -> None:
        """Keep a finished answer."""
        if self._database.rows(SELECT_REPLY, (key,)):
            raise admission.answered(key)
        self._database.rows(INSERT_REPLY, (key, reply.digest, reply.reply, time))

    def forget_replies(self, *, before: float, keep: int, most: int) -> None:
        """Forget the oldest answers."""
        self._database.change(FORGET_REPLIES, (most, before, keep))
