"""Submissions as rows: an item with all its copies, found by their index, and the records of those followed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import orjson

from queue_server.protocol.errors import ConflictError
from queue_server.protocol.items import Item, Outcome
from queue_server.protocol.submissions import (
    AttemptResult,
    FollowedSubmission,
    LivingItem,
    StoredState,
    Submission,
    SubmissionFilter,
)
from queue_server.storage.base import HistoryEntry
from queue_server.storage.database import Rows
from queue_server.storage.sql import Row, read_history, read_items, statement
from queue_server.storage.submission_base import SubmissionPart
from queue_server.storage.submission_content import (
    ended_already,
    followed_already,
    not_followed,
    read_results,
    read_submissions,
    write_result,
    write_submission,
)

SELECT_LIVING = statement("select_living")
FIND_COMPLETED = statement("find_completed")
SELECT_ENDED = statement("select_ended")
LAST_SUBMISSION = statement("last_submission")
INSERT_SUBMISSION = statement("insert_submission")
DELETE_SUBMISSION = statement("delete_submission")
SELECT_SUBMISSION = statement("select_submission")
SELECT_BATCH_SUBMISSION = statement("select_batch_submission")
SELECT_STATES = statement("select_states")
COUNT_STATES_OF_BATCH = statement("count_states_of_batch")
INSERT_RESULT = statement("insert_result")
CHANGE_OUTCOME = statement("change_outcome")
SELECT_RESULTS = statement("select_results")
LISTS = {
    "batch": statement("list_submissions_of_batch"),
    "group": statement("list_submissions_of_group"),
    "workflow": statement("list_submissions_of_workflow"),
    "all": statement("list_submissions_of_all"),
}
COUNTS = {
    "batch": statement("count_submissions_of_batch"),
    "group": statement("count_submissions_of_group"),
    "workflow": statement("count_submissions_of_workflow"),
    "all": statement("count_submissions_of_all"),
}


class FollowedRows(Rows):
    """The part of a transaction that follows submissions; the promises are those of the port."""

    def living(self, submission: str) -> list[Item]:
        """Return the items of a submission that have not ended."""
        return read_items(self._database.rows(SELECT_LIVING, (submission,)))

    def completed(self, submission: str) -> str | None:
        """Return the newest item of a submission that was completed."""
        found = self._database.row(FIND_COMPLETED, (submission,))
        return None if found is None else found[0]

    def ended(self, submission: str, limit: int) -> list[HistoryEntry]:
        """Return the newest finished items of a submission."""
        return read_history(self._database.rows(SELECT_ENDED, (submission, limit))[::-1])

    def add_submissions(self, submissions: Sequence[Submission]) -> None:
        """Follow new submissions."""
        written = [write_submission(submission) for submission in submissions]
        [(last,)] = self._database.rows(LAST_SUBMISSION)
        rows = [(place, *row) for place, row in enumerate(written, last + 1)]
        try:
            with self._database.savepoint():
                self._database.change_many(INSERT_SUBMISSION, rows)
        except ConflictError as error:
            raise followed_already() from error

    def remove_submission(self, uid: str) -> None:
        """Forget a submission."""
        if not self._database.change(DELETE_SUBMISSION, (uid,)):
            raise not_followed(uid)

    def submission(self, uid: str) -> Submission | None:
        """Return the record of a submission."""
        return self._read_one(SELECT_SUBMISSION, uid)

    def batch_submission(self, identity: str) -> Submission | None:
        """Return the record of a submission by the id of its batch item."""
        return self._read_one(SELECT_BATCH_SUBMISSION, identity)

    def _read_one(self, text: str, key: str) -> Submission | None:
        found = self._database.row(text, (key,))
        return None if found is None else read_submissions([found[1:]])[0]

    def follow(self, submissions: Collection[Submission]) -> list[FollowedSubmission]:
        """Return submissions with what has become of them."""
        uids = (orjson.dumps([submission.uid for submission in submissions]).decode(),)
        living: dict[str, LivingItem] = {}
        for row in self._database.rows(SELECT_STATES, uids):
            living.setdefault(row[0], LivingItem(*row[1:6]))
        results: dict[str, list[AttemptResult]] = {}
        for result in read_results(self._database.rows(SELECT_RESULTS, uids)):
            results.setdefault(result.submission, []).append(result)
        return [
            FollowedSubmission(submission, living.get(submission.uid), results.get(submission.uid, ()))
            for submission in submissions
        ]

    def submissions(self, wanted: SubmissionFilter, *, limit: int, behind: int = 0, offset: int = 0) -> SubmissionPart:
        """Return a part of the submissions."""
        name, values = _choose(wanted, behind)
        rows = self._database.rows(LISTS[name], (*values, limit + 1, offset))
        followed = self.follow(read_submissions([row[1:] for row in rows[:limit]]))
        entries = [(row[0], each) for row, each in zip(rows[:limit], followed, strict=True)]
        return SubmissionPart(entries, len(rows) > limit)

    def count_submissions(self, wanted: SubmissionFilter, behind: int = 0) -> int:
        """Return how many submissions there are."""
        name, values = _choose(wanted, behind)
        [(count,)] = self._database.rows(COUNTS[name], values)
        return count

    def count_batch_states(self, batch: str) -> Mapping[StoredState, int]:
        """Return how many submissions of a batch are in which state."""
        return dict(self._database.rows(COUNT_STATES_OF_BATCH, (batch,)))

    def add_result(self, result: AttemptResult) -> None:
        """Write how an attempt ended."""
        row = write_result(result)
        if self.submission(result.submission) is None:
            raise not_followed(result.submission)
        try:
            self._database.rows(INSERT_RESULT, row)
        except ConflictError as error:
            raise ended_already(result) from error

    def change_outcome(self, submission: str, item_uid: str, outcome: Outcome) -> None:
        """Write what is known now of how an item ended."""
        self._database.rows(CHANGE_OUTCOME, (outcome, submission, item_uid))

    def results_of(self, submission: str) -> list[AttemptResult]:
        """Return the results of a submission."""
        return read_results(self._database.rows(SELECT_RESULTS, (orjson.dumps([submission]).decode(),)))


def _choose(wanted: SubmissionFilter, behind: int) -> tuple[str, Row]:
    """Return which statement asks its index for the most, and the values of the filter."""
    named = {"batch": wanted.batch, "group": wanted.group, "workflow": wanted.workflow}
    name = next((name for name, value in named.items() if value is not None), "all")
    narrowing = (wanted.workflow, wanted.group, _list(wanted.processing), _list(wanted.states), behind)
    return name, (named.get(name), *narrowing)


def _list(values: Collection[str] | None) -> str | None:
    return None if values is None else orjson.dumps(sorted(values)).decode()
