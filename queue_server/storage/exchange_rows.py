"""Queue and history as rows that come from elsewhere: read as a whole, and written as they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from queue_server.protocol.errors import ConflictError
from queue_server.protocol.items import Item
from queue_server.storage import admission, content
from queue_server.storage.base import HistoryEntry
from queue_server.storage.search_rows import SearchRows
from queue_server.storage.sql import read_history, read_item, statement

SELECT_ALL_HISTORY = statement("select_all_history")
SELECT_ALL_QUEUES = statement("select_all_queues")
SELECT_ATTEMPT_OF = statement("select_attempt_of")
SELECT_ITEM = statement("select_item")
SELECT_RUNS = statement("select_runs")
TAKE_HISTORY_NUMBER = statement("take_history_number")
INSERT_FINISHED = statement("insert_finished")
INSERT_ENDED_ATTEMPT = statement("insert_ended_attempt")
INSERT_RUN = statement("insert_run")

PAGE = 500

Ended = dict[str, Any]
"""An attempt that has ended: ``epoch``, ``outcome``, ``time_start`` and ``runs``."""


class ExchangeRows(SearchRows):
    """The part of a transaction that an export reads and an import writes."""

    def all_history(self) -> Iterator[tuple[HistoryEntry, Ended | None]]:
        """Yield all finished items in order of finishing, with their attempts as far as these are kept."""
        behind = 0
        while page := read_history(self._database.rows(SELECT_ALL_HISTORY, (behind, PAGE))):
            for entry in page:
                yield entry, self._attempt_of(entry.item)
            behind = page[-1].number

    def all_queues(self) -> list[Item]:
        """Return everything that has not finished, lane by lane: what runs, then the queue in order."""
        return [read_item(row) for row in self._database.rows(SELECT_ALL_QUEUES)]

    def _attempt_of(self, item: Item) -> Ended | None:
        found = self._database.row(SELECT_ATTEMPT_OF, (item.uid,))
        if found is None:
            return None
        epoch, outcome, time_start = found
        runs = self._database.rows(SELECT_RUNS, (item.submission, item.attempt))
        names = ("uid", "scan_id", "is_open", "exit_status")
        shown = [dict(zip(names, row, strict=True)) | {"is_open": bool(row[2])} for row in runs]
        return {"epoch": epoch, "outcome": outcome, "time_start": time_start, "runs": shown}

    def insert_finished(self, item: Item, result: dict[str, Any], ended: Ended | None) -> None:
        """Write a finished item as the newest entry of the history.

        Raises:
            ConflictError: an item with this uid, or an attempt with this number, exists already.
        """
        if self._database.rows(SELECT_ITEM, (item.uid,)):
            raise admission.taken(item.uid)
        [(number,)] = self._database.rows(TAKE_HISTORY_NUMBER)
        shown, told = content.encode(item.content), content.encode(result)
        row = (item.uid, item.lane, item.submission, item.attempt, item.reason, shown, number, told)
        self._database.rows(INSERT_FINISHED, row)
        self.index_finished(replace(item, state="finished"), str(result.get("exit_status", "")))
        if ended is not None:
            self._insert_ended(item, ended)

    def _insert_ended(self, item: Item, ended: Ended) -> None:
        key = (item.submission, item.attempt)
        try:
            row = (*key, item.uid, item.lane, ended["epoch"], ended["outcome"], ended["time_start"])
            self._database.rows(INSERT_ENDED_ATTEMPT, row)
        except ConflictError as error:
            message = f"Attempt {item.attempt} of submission {item.submission!r} exists already."
            raise ConflictError(message) from error
        for run in ended["runs"]:
            self._database.rows(INSERT_RUN, (*key, run["uid"], run["scan_id"], int(run["is_open"]), run["exit_status"]))
