"""The part of the store's port that follows submissions: what every store promises of an item and all its copies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from queue_server.protocol.items import Item, Outcome
from queue_server.protocol.submissions import (
    AttemptResult,
    FollowedSubmission,
    StoredState,
    Submission,
    SubmissionFilter,
)

if TYPE_CHECKING:
    from queue_server.storage.base import HistoryEntry


class SubmissionPart(Struct, frozen=True):
    """A part of a list, each submission with its place in the order, and whether there are others behind it."""

    entries: Sequence[tuple[int, FollowedSubmission]]
    has_more: bool


class SubmissionRows(Protocol):
    """What can be asked about a submission, inside a transaction.

    Those that are followed have a record, which stays when items, attempts and the history go.
    """

    def living(self, submission: str) -> list[Item]:
        """Return the items of a submission that are queued, held or running, by their uids."""
        ...

    def completed(self, submission: str) -> str | None:
        """Return the uid of the item of a submission that has ended as completed, the newest of several, or None."""
        ...

    def ended(self, submission: str, limit: int) -> list[HistoryEntry]:
        """Return the newest ``limit`` finished items of a submission that the history has, oldest first."""
        ...

    def add_submissions(self, submissions: Sequence[Submission]) -> None:
        """Follow new submissions, in the given order behind all others.

        Raises:
            ConflictError: one of the uids, or of the ids of batch items, is followed already.
            ParameterError: the content of one cannot be stored as JSON.
        """
        ...

    def remove_submission(self, uid: str) -> None:
        """Forget a submission with all its results; its items stay.

        Raises:
            NotFoundError: it is not followed.
        """
        ...

    def submission(self, uid: str) -> Submission | None:
        """Return the record of a submission, or None."""
        ...

    def batch_submission(self, identity: str) -> Submission | None:
        """Return the record of a submission by the id of its batch item, or None."""
        ...

    def follow(self, submissions: Collection[Submission]) -> list[FollowedSubmission]:
        """Return submissions, in the given order, with their living items and their results."""
        ...

    def submissions(self, wanted: SubmissionFilter, *, limit: int, behind: int = 0, offset: int = 0) -> SubmissionPart:
        """Return submissions in order, at most ``limit`` (1 or more), ``offset`` of them left out behind a place."""
        ...

    def count_submissions(self, wanted: SubmissionFilter, behind: int = 0) -> int:
        """Return how many submissions there are behind a place."""
        ...

    def count_batch_states(self, batch: str) -> Mapping[StoredState, int]:
        """Return how many submissions of a batch are in which state; states that none is in are not there."""
        ...

    def add_result(self, result: AttemptResult) -> None:
        """Write how an attempt of a submission ended, once.

        Raises:
            NotFoundError: the submission is not followed.
            ConflictError: there is a result of that attempt.
            ParameterError: it cannot be stored as JSON.
        """
        ...

    def change_outcome(self, submission: str, item_uid: str, outcome: Outcome) -> None:
        """Write what is known now of how an item of a submission ended; without a result of it, nothing changes."""
        ...

    def results_of(self, submission: str) -> list[AttemptResult]:
        """Return the results of a submission in the order of the attempts."""
        ...
