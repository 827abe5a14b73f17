"""The work of a transaction on submissions in memory, the same as that of the statements on rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

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
from queue_server.storage.memory_rows import MemoryRows
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
from queue_server.storage.tables import StoredItem

_OUTCOME = 3


class FollowedTables(MemoryRows):
    """The part of a transaction that follows submissions; the promises are those of the port."""

    def living(self, submission: str) -> list[Item]:
        """Return the items of a submission that have not ended."""
        found = [stored.read() for stored in self._of(submission) if stored.item.state != "finished"]
        return sorted(found, key=lambda item: item.uid)

    def completed(self, submission: str) -> str | None:
        """Return the newest item of a submission that was completed."""
        ended = [stored for stored in self._of(submission) if stored.item.state == "finished"]
        entries = (stored.read_entry() for stored in sorted(ended, key=lambda stored: stored.number, reverse=True))
        return next((entry.item.uid for entry in entries if entry.result.get("exit_status") == "completed"), None)

    def ended(self, submission: str, limit: int) -> list[HistoryEntry]:
        """Return the newest finished items of a submission."""
        ended = [stored for stored in self._of(submission) if stored.item.state == "finished"]
        return [stored.read_entry() for stored in sorted(ended, key=lambda stored: stored.number)[-limit:]]

    def _of(self, submission: str) -> list[StoredItem]:
        return [stored for stored in self._tables.items.values() if stored.item.submission == submission]

    def add_submissions(self, submissions: Sequence[Submission]) -> None:
        """Follow new submissions."""
        rows = [write_submission(submission) for submission in submissions]
        known = {submission.identity for _, submission in self._all() if submission.identity}
        named = [submission.identity for submission in submissions if submission.identity]
        uids = [submission.uid for submission in submissions]
        twice = len({*uids}) < len(uids) or len({*named}) < len(named)
        if twice or known & {*named} or any(uid in self._tables.submissions for uid in uids):
            raise followed_already()
        for row in rows:
            self._tables.put(self._tables.submissions, row[0], (self._tables.count("submissions"), *row))

    def remove_submission(self, uid: str) -> None:
        """Forget a submission."""
        if uid not in self._tables.submissions:
            raise not_followed(uid)
        for key in [key for key in self._tables.results if key[0] == uid]:
            self._tables.drop(self._tables.results, key)
        for key in [key for key, stored in self._tables.files.items() if stored.row[2] == uid]:
            self._tables.drop(self._tables.files, key)
        self._tables.drop(self._tables.submissions, uid)

    def submission(self, uid: str) -> Submission | None:
        """Return the record of a submission."""
        row = self._tables.submissions.get(uid)
        return None if row is None else read_submissions([row[1:]])[0]

    def batch_submission(self, identity: str) -> Submission | None:
        """Return the record of a submission by the id of its batch item."""
        return next((each for _, each in self._all() if identity and each.identity == identity), None)

    def _all(self) -> Iterator[tuple[int, Submission]]:
        rows = sorted(self._tables.submissions.values())
        yield from zip((row[0] for row in rows), read_submissions([row[1:] for row in rows]), strict=True)

    def follow(self, submissions: Collection[Submission]) -> list[FollowedSubmission]:
        """Return submissions with what has become of them."""
        return [
            FollowedSubmission(each, self._living_item(each.uid), self.results_of(each.uid)) for each in submissions
        ]

    def _living_item(self, submission: str) -> LivingItem | None:
        order = ("running", "queued", "held")
        for state in order:
            for item in self.living(submission):
                if item.state == state:
                    attempt = self._tables.attempts.get(item.lane)
                    is_its = attempt is not None and attempt.key.item_uid == item.uid
                    begun = attempt.time_start if attempt is not None and is_its else None
                    return LivingItem(item.uid, state, item.attempt, item.reason, begun)
        return None

    def submissions(self, wanted: SubmissionFilter, *, limit: int, behind: int = 0, offset: int = 0) -> SubmissionPart:
        """Return a part of the submissions."""
        found = list(self._fitting(wanted, behind))[offset:]
        return SubmissionPart(found[:limit], len(found) > limit)

    def _fitting(self, wanted: SubmissionFilter, behind: int) -> Iterator[tuple[int, FollowedSubmission]]:
        for place, submission in self._all():
            [followed] = self.follow([submission])
            if place > behind and _fits(wanted, followed):
                yield place, followed

    def count_submissions(self, wanted: SubmissionFilter, behind: int = 0) -> int:
        """Return how many submissions there are."""
        return sum(1 for _ in self._fitting(wanted, behind))

    def count_batch_states(self, batch: str) -> Mapping[StoredState, int]:
        """Return how many submissions of a batch are in which state."""
        return Counter(followed.state for _, followed in self._fitting(SubmissionFilter(batch=batch), 0))

    def add_result(self, result: AttemptResult) -> None:
        """Write how an attempt ended."""
        row = write_result(result)
        if result.submission not in self._tables.submissions:
            raise not_followed(result.submission)
        if row[:2] in self._tables.results:
            raise ended_already(result)
        self._tables.put(self._tables.results, row[:2], row)
        if result.attempt > self._tables.last_attempts.get(result.submission, 0):
            self._tables.put(self._tables.last_attempts, result.submission, result.attempt)

    def change_outcome(self, submission: str, item_uid: str, outcome: Outcome) -> None:
        """Write what is known now of how an item ended."""
        for key, row in list(self._tables.results.items()):
            if (row[0], row[2]) == (submission, item_uid):
                self._tables.put(self._tables.results, key, (*row[:_OUTCOME], outcome, *row[_OUTCOME + 1 :]))

    def results_of(self, submission: str) -> list[AttemptResult]:
        """Return the results of a submission."""
        return read_results([row for key, row in sorted(self._tables.results.items()) if key[0] == submission])


def _fits(wanted: SubmissionFilter, followed: FollowedSubmission) -> bool:
    submission = followed.submission
    pairs = (
        (wanted.workflow, submission.workflow),
        (wanted.group, submission.group),
        (wanted.batch, submission.batch),
    )
    return (
        all(asked is None or asked == found for asked, found in pairs)
        and (wanted.processing is None or submission.processing in wanted.processing)
        and (wanted.states is None or followed.state in wanted.states)
    )
