"""Submissions and results as rows: which fields have columns of their own, and the others as JSON.

It runs no statement and knows no order. Both stores keep these rows.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from queue_server.protocol.errors import ConflictError, NotFoundError
from queue_server.protocol.submissions import AttemptResult, ResultFile, Submission
from queue_server.storage import content

Row = tuple[Any, ...]

_IDENTITY = 9
"""Where a row has the id of the batch item, NULL where there is none."""


def write_submission(submission: Submission) -> Row:
    """Return the values of a submission, without its place.

    Raises:
        ParameterError: its content cannot be stored as JSON.
    """
    return (
        submission.uid,
        submission.lane,
        submission.creator,
        submission.created,
        submission.workflow,
        submission.version,
        submission.group,
        submission.batch,
        submission.ordinal,
        submission.identity or None,
        submission.reference,
        submission.processing,
        content.encode(submission.content),
    )


def read_submissions(rows: list[Row]) -> list[Submission]:
    """Return the submissions that were written as ``rows``."""
    contents = content.decode_all([row[-1] for row in rows])
    return [Submission(*_with_identity(row[:-1]), content=shown) for row, shown in zip(rows, contents, strict=True)]


def _with_identity(row: Row) -> Row:
    return (*row[:_IDENTITY], row[_IDENTITY] or "", *row[_IDENTITY + 1 :])


def write_result(result: AttemptResult) -> Row:
    """Return the values of a result.

    Raises:
        ParameterError: it cannot be stored as JSON.
    """
    more = {
        "message": result.message,
        "run_uids": result.run_uids,
        "metrics": result.metrics,
        "metrics_error": result.metrics_error,
        "files": [asdict(file) for file in result.files],
    }
    key = (result.submission, result.attempt, result.item_uid, result.outcome)
    return (*key, result.time_start, result.time_stop, content.encode(more))


def read_results(rows: list[Row]) -> list[AttemptResult]:
    """Return the results that were written as ``rows``."""
    contents = content.decode_all([row[-1] for row in rows])
    return [
        AttemptResult(
            *row[:-1],
            message=more["message"],
            run_uids=tuple(more["run_uids"]),
            metrics=more["metrics"],
            metrics_error=more["metrics_error"],
            files=tuple(ResultFile(**file) for file in more["files"]),
        )
        for row, more in zip(rows, contents, strict=True)
    ]


def not_followed(uid: str) -> NotFoundError:
    """Return the error for a submission without a record."""
    return NotFoundError(f"There is no submission {uid!r}.")


def followed_already() -> ConflictError:
    """Return the error for submissions of which one has a record."""
    return ConflictError("One of the submissions is followed already.")


def ended_already(result: AttemptResult) -> ConflictError:
    """Return the error for a second result of an attempt."""
    return ConflictError(f"There is a result of attempt {result.attempt} of the submission {result.submission!r}.")
