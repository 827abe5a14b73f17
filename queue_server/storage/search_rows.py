"""Finding by rows: events, finished items, edits that can be taken back, and neighbours in a queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queue_server.protocol.event_log import EVERY_EVENT, EventFilter, EventPart, EventRecord
from queue_server.protocol.item_filter import ItemFilter
from queue_server.protocol.items import Item
from queue_server.storage import admission
from queue_server.storage.base import HistoryPart
from queue_server.storage.checksums import row_sum
from queue_server.storage.queue_rows import SELECT_PLACE
from queue_server.storage.record_rows import ABOVE_ALL, RecordRows
from queue_server.storage.search import plan_range, plan_search, take_part
from queue_server.storage.sql import Row, statement

FIND_EVENTS_FORWARD = statement("find_events_forward")
FIND_EVENTS_BACKWARD = statement("find_events_backward")
INSERT_EDIT = statement("insert_edit")
FIND_EDITS = statement("find_edits")
SELECT_UNDO = statement("select_undo")
INSERT_HISTORY_INDEX = statement("insert_history_index")
CHANGE_HISTORY_INDEX = statement("change_history_index")
TRIM_HISTORY_INDEX = statement("trim_history_index")
SELECT_UID_BEFORE = statement("select_uid_before")
SELECT_UID_AFTER = statement("select_uid_after")
FIND_HISTORY = {
    "name": statement("find_history_of_name"),
    "user": statement("find_history_of_user"),
    "outcome": statement("find_history_of_outcome"),
}


class SearchRows(RecordRows):
    """The part of a transaction that finds; the promises are those of the port."""

    def append_event(self, event: EventRecord) -> int:
        """Append to the event log, and keep what takes an edit back."""
        seq = super().append_event(event)
        if event.undo:
            self._database.rows(INSERT_EDIT, (seq, event.undo, row_sum("edits", seq, event.undo)))
        return seq

    def find_events(
        self, wanted: EventFilter, *, limit: int, since: int = 0, before: int | None = None, newest_first: bool = False
    ) -> EventPart:
        """Return a part of the events that fit."""
        searched = plan_range(since, before, self.last_seq(), newest_first=newest_first)
        if searched.high < searched.low:
            return searched.part([], limit)
        if wanted == EVERY_EVENT:
            first = max(searched.low, searched.high - limit + 1) if newest_first else searched.low
            found = self.events(first - 1, min(limit, searched.high - first + 1))
            return searched.part(found[::-1] if newest_first else found, limit)
        text = FIND_EVENTS_BACKWARD if newest_first else FIND_EVENTS_FORWARD
        seqs = self._database.rows(text, (searched.low, searched.high, *_conditions(wanted), limit))
        return searched.part([self._event(seq) for (seq,) in seqs], limit)

    def edits(self, before: int | None, limit: int) -> list[EventRecord]:
        """Return the newest edits, newest first."""
        below = ABOVE_ALL if before is None else before
        return [self._event(seq) for (seq,) in self._database.rows(FIND_EDITS, (below, limit))]

    def undo_of(self, seq: int) -> str:
        """Return what takes an edit back."""
        found = self._database.row(SELECT_UNDO, (seq,))
        return "" if found is None else found[0]

    def find_history(self, wanted: ItemFilter, *, limit: int, before: int | None = None) -> HistoryPart:
        """Return a part of the finished items that fit."""
        search = plan_search(wanted, limit)
        below = ABOVE_ALL if before is None else min(before, ABOVE_ALL)
        if search.key is None:
            examined = self.history(limit=search.at_most, before=below)[::-1]
        else:
            numbers = self._database.rows(FIND_HISTORY[search.key], (search.value, below, search.at_most))
            examined = [entry for (number,) in numbers for entry in self.history(limit=1, before=number + 1)]
        return take_part(examined, wanted, limit, search.at_most)

    def neighbours(self, uid: str) -> tuple[str | None, str | None]:
        """Return who stands before and behind an item of a queue."""
        place = self._database.row(SELECT_PLACE, (uid,))
        if place is None:
            raise admission.not_in_queue(uid)
        before, after = (self._database.row(text, place) for text in (SELECT_UID_BEFORE, SELECT_UID_AFTER))
        return (None if before is None else before[0]), (None if after is None else after[0])

    def index_finished(self, item: Item, outcome: str) -> None:
        """Let an item of the history be found by name, user and outcome."""
        user = str(item.content.get("user", ""))
        self._database.rows(INSERT_HISTORY_INDEX, (item.name, user, outcome, item.uid))

    def change_result(self, uid: str, result: Mapping[str, Any]) -> None:
        """Write what is known now of how a finished item ended, and let it be found by that."""
        super().change_result(uid, result)
        self._database.rows(CHANGE_HISTORY_INDEX, (str(result.get("exit_status", "")), uid))

    def _event(self, seq: int) -> EventRecord:
        [event] = self.events(seq - 1, 1)
        return event

    def _trim(self, number: int) -> int:
        self._database.rows(TRIM_HISTORY_INDEX, (number,))
        return super()._trim(number)


def _conditions(wanted: EventFilter) -> Row:
    kinds = None if wanted.kinds is None else "".join(f"\n{kind}\n" for kind in wanted.kinds)
    user = wanted.user
    return (kinds, wanted.item_uid, wanted.submission, wanted.lane, user, user, wanted.time_from, wanted.time_to)
