"""The results of submissions that are followed, written in the transaction in which their attempts end."""

from __future__ import annotations

from collections.abc import Callable

from queue_server.protocol.items import AttemptKey, Result
from queue_server.protocol.submissions import AttemptResult, ResultFile, Submission
from queue_server.storage.base import Transaction


def note_end(
    tx: Transaction, key: AttemptKey, result: Result, now: float, make_secret: Callable[[], str]
) -> AttemptResult | None:
    """Write how an attempt ended if its submission is followed, and return that.

    ``make_secret`` gives random hexadecimal digits: the ids of files are not to be guessed.
    """
    submission = tx.submission(key.submission)
    if submission is None:
        return None
    names = _find_names(tx, submission)
    files = tuple(
        ResultFile(
            id=make_secret()[:32],
            name=names.get(entry.name, entry.name),
            artifact_id=entry.artifact.id,
            size_bytes=entry.artifact.size_bytes,
            content_type=entry.artifact.content_type,
            created=now,
        )
        for entry in result.artifacts
    )
    ended = AttemptResult(
        key.submission,
        key.number,
        key.item_uid,
        result.outcome,
        result.time_start,
        result.time_stop,
        result.message,
        result.run_uids,
        result.metrics,
        result.metrics_error,
        files,
    )
    tx.add_result(ended)
    return ended


def _find_names(tx: Transaction, submission: Submission) -> dict[str, str]:
    """Return the names that the workflow of a submission gives to its files, by their paths."""
    workflow = None if submission.workflow is None else tx.workflow(submission.workflow, submission.version)
    if workflow is None or tx.postprocessing(submission.uid) is not None:
        return {}
    return {output.source: output.key for output in workflow.fields.outputs}
