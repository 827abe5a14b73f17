"""Attempts as rows: what is claimed, how far it is and how it ended, fenced by the whole key of the attempt."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from queue_server.protocol.errors import ConflictError
from queue_server.protocol.items import AttemptKey, Item, Result, Run
from queue_server.storage import admission, content
from queue_server.storage.base import BlockedAtHead, Claim, HeldAtHead, InstructionAtHead, NextItem, Phase, RunningItem
from queue_server.storage.database import Rows
from queue_server.storage.queue_rows import SELECT_FROM_FRONT, SELECT_ITEM
from queue_server.storage.sql import Row, read_item, read_run, read_running, statement

SELECT_OPEN_IN_LANE = statement("select_open_in_lane")
SELECT_NEXT_NUMBER = statement("select_next_number")
RUN_ITEM = statement("run_item")
INSERT_ATTEMPT = statement("insert_attempt")
SELECT_OPEN = statement("select_open")
UPDATE_PHASE = statement("update_phase")
INSERT_RUN = statement("insert_run")
CLOSE_RUN = statement("close_run")
END_ATTEMPT = statement("end_attempt")
TAKE_HISTORY_NUMBER = statement("take_history_number")
FINISH_ITEM = statement("finish_item")
SELECT_RUNNING = statement("select_running")
SELECT_RUNS = statement("select_runs")


class AttemptRows(Rows):
    """The part of a transaction that works on attempts; the promises are those of the port."""

    def claim_next(
        self, lane: str, epoch: int, time: float, may_begin: Callable[[Item], bool] | None = None
    ) -> NextItem:
        """Open an attempt for the head of the queue."""
        if self._database.rows(SELECT_OPEN_IN_LANE, (lane,)):
            raise ConflictError(f"An attempt is open in lane {lane} already.")
        head = self._database.row(SELECT_FROM_FRONT, (lane, 0))
        if head is None:
            return None
        item = read_item(head)
        if item.state == "held":
            return HeldAtHead(item)
        if item.kind == "instruction":
            return InstructionAtHead(item)
        if may_begin is not None and not may_begin(item):
            return BlockedAtHead(item)
        return self._open(item, epoch, time)

    def _open(self, item: Item, epoch: int, time: float) -> Claim:
        [(number,)] = self._database.rows(SELECT_NEXT_NUMBER, (item.submission,))
        self._database.rows(RUN_ITEM, (number, item.uid))
        self._database.rows(INSERT_ATTEMPT, (item.submission, number, item.uid, item.lane, epoch, time))
        key = AttemptKey(item.uid, item.submission, item.lane, number, epoch)
        return Claim(replace(item, state="running", attempt=number), key)

    def set_phase(self, attempt: AttemptKey, phase: Phase) -> None:
        """Record how far an open attempt is."""
        admission.check_phase(phase)
        self._database.rows(UPDATE_PHASE, (phase, *self._open_row(attempt)))

    def open_run(self, attempt: AttemptKey, run: Run) -> None:
        """Record a run of an open attempt."""
        row = self._open_row(attempt)
        self._database.rows(INSERT_RUN, (*row, run.uid, run.scan_id, int(run.is_open), run.exit_status))

    def close_run(self, attempt: AttemptKey, run_uid: str, exit_status: str) -> None:
        """Record the end of a run of an open attempt."""
        if not self._database.change(CLOSE_RUN, (exit_status, *self._open_row(attempt), run_uid)):
            raise admission.no_such_run(attempt, run_uid)

    def finish(self, attempt: AttemptKey, result: Result) -> Item:
        """End an open attempt."""
        row = self._open_row(attempt)
        text = content.encode(result.shown())
        self._database.rows(END_ATTEMPT, (result.outcome, *row))
        [(number,)] = self._database.rows(TAKE_HISTORY_NUMBER)
        self._database.rows(FINISH_ITEM, (number, text, attempt.item_uid))
        [finished] = self._database.rows(SELECT_ITEM, (attempt.item_uid,))
        return read_item(finished)

    def running(self) -> list[RunningItem]:
        """Return the items whose attempts are open, by lane."""
        return [read_running(row, self._runs(row[2], row[5])) for row in self._database.rows(SELECT_RUNNING)]

    def _runs(self, submission: str, number: int) -> tuple[Run, ...]:
        return tuple(read_run(row) for row in self._database.rows(SELECT_RUNS, (submission, number)))

    def _open_row(self, attempt: AttemptKey) -> Row:
        """Return the primary key of an open attempt, if every part of the fencing token is right."""
        key = (attempt.submission, attempt.number)
        if not self._database.rows(SELECT_OPEN, (*key, attempt.item_uid, attempt.lane, attempt.epoch)):
            raise admission.not_open(attempt)
        return key
