"""Handlers of the methods about results: what is known of each attempt that has ended.

Submissions that are followed keep their results; of all others the history tells, as long as it has them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, cast

from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.protocol.errors import NotFoundError, ParameterError
from queue_server.protocol.item_filter import ItemFilter
from queue_server.protocol.methods.results import (
    MOST_RESULTS,
    ResultGetParams,
    ResultListParams,
    ResultPage,
    ResultReply,
)
from queue_server.protocol.submissions import AttemptResult, ResultFile, Submission
from queue_server.storage.base import HistoryEntry, Transaction


def get_result(context: TurnContext, params: ResultGetParams) -> ResultReply:
    """Return how an attempt ended."""
    if (params.item_uid is None) == (params.submission_id is None):
        raise ParameterError("Give either 'item_uid' or 'submission_id'.", field="item_uid")
    if params.item_uid is not None and params.attempt is not None:
        raise ParameterError("An item has one attempt; 'attempt' belongs to 'submission_id'.", field="attempt")
    tx = context.turn.tx
    if params.item_uid is not None:
        return ResultReply(_find_of_item(tx, params.item_uid))
    found = _find_of_submission(tx, params.submission_id or "", MOST_RESULTS)
    chosen = [each for each in found if params.attempt in (None, each["attempt"])]
    if not chosen:
        which = "of the submission" if params.attempt is None else f"{params.attempt} of the submission"
        raise NotFoundError(f"No attempt {which} {params.submission_id!r:.200} has ended, or it is forgotten.")
    return ResultReply(chosen[-1])


def list_results(context: TurnContext, params: ResultListParams) -> ResultPage:
    """Return how attempts ended."""
    tx = context.turn.tx
    if params.submission_id is not None:
        stray = next(
            (name for name in ("name", "lane", "outcome", "before") if getattr(params, name) is not None), None
        )
        if stray is not None:
            raise ParameterError(f"With 'submission_id' there is no {stray!r}.", field=stray)
        return ResultPage(_find_of_submission(tx, params.submission_id, params.limit))
    wanted = ItemFilter(name=params.name, outcome=params.outcome, lane=params.lane)
    part = tx.find_history(wanted, limit=params.limit, before=params.before)
    return ResultPage([_show_entry(tx, entry) for entry in part.entries], part.before)


def _find_of_item(tx: Transaction, uid: str) -> dict[str, Any]:
    entry = tx.history_entry(uid)
    if entry is not None:
        return _show_entry(tx, entry)
    # The first item of a submission, by whose uid that is called, may be gone from the history.
    found = next((each for each in _find_of_submission(tx, uid, MOST_RESULTS) if each["item_uid"] == uid), None)
    if found is None:
        raise NotFoundError(
            f"No item {uid!r:.200} has ended, or the history has forgotten it; if it came from a workflow or in a "
            "batch, give its 'submission_id' and 'attempt'."
        )
    return found


def _find_of_submission(tx: Transaction, uid: str, limit: int) -> list[dict[str, Any]]:
    """Return the newest results of a submission in the order of its attempts."""
    submission = tx.submission(uid)
    if submission is None:
        return [_show_entry(tx, entry) for entry in tx.ended(uid, limit)]
    return [_show(tx, submission, result) for result in tx.results_of(uid)[-limit:]]


def _show_entry(tx: Transaction, entry: HistoryEntry) -> dict[str, Any]:
    item = entry.item
    submission = tx.submission(item.submission)
    if submission is not None:
        for result in reversed(tx.results_of(submission.uid)):
            if result.attempt == item.attempt:
                return _show(tx, submission, result)
    return {"submission_id": item.submission, "lane": item.lane, "name": item.name, **_read_entry(entry).shown()}


def _show(tx: Transaction, submission: Submission, result: AttemptResult) -> dict[str, Any]:
    item = tx.item(result.item_uid)
    name = "" if item is None else item.name
    return {"submission_id": submission.uid, "lane": submission.lane, "name": name, **result.shown()}


def _read_entry(entry: HistoryEntry) -> AttemptResult:
    item, result = entry.item, entry.result
    return AttemptResult(
        submission=item.submission,
        attempt=item.attempt,
        item_uid=item.uid,
        outcome=result["exit_status"],
        time_start=result["time_start"],
        time_stop=result["time_stop"],
        message=result.get("msg", ""),
        run_uids=tuple(result.get("run_uids", ())),
        metrics=result.get("metrics", {}),
        metrics_error=result.get("metrics_error", ""),
        files=tuple(_read_files(entry)),
    )


def _read_files(entry: HistoryEntry) -> Iterator[ResultFile]:
    for each in cast("list[Mapping[str, Any]]", entry.result.get("artifacts", ())):
        artifact: Mapping[str, Any] = each["artifact"]
        yield ResultFile(
            id=identify_file(entry.item.uid, each["name"]),
            name=each["name"],
            artifact_id=artifact["id"],
            size_bytes=artifact["size_bytes"],
            content_type=artifact.get("content_type", ""),
            created=artifact["created"],
        )


def identify_file(item_uid: str, name: str) -> str:
    """Return an id of a file that stays the same; who does not know the uid of the item cannot guess it."""
    return hashlib.sha256(f"{item_uid}\0{name}".encode()).hexdigest()[:32]


GROUP = group(turn={"result_get": get_result, "result_list": list_results})
