"""Handlers of the methods about submissions: work that came from a workflow or in a batch, and its results."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from queue_server.access.arguments import check_arguments
from queue_server.core import edits
from queue_server.core.events import CancelRequested
from queue_server.engine import exam_progress
from queue_server.engine.workflow_results import find_affected
from queue_server.handlers.context import TurnContext
from queue_server.handlers.group import group
from queue_server.handlers.new_items import require_user
from queue_server.handlers.postprocessing import Postprocessor
from queue_server.handlers.selection import places_of, release_lane
from queue_server.handlers.submission_states import find_active, show, state_of, stored_states
from queue_server.handlers.submitting import Order, Piece, make_items, queue_pieces
from queue_server.handlers.workflow_records import (
    find_file,
    find_group,
    find_submission,
    find_workflow,
    require_member,
    require_member_of,
    show_submission,
)
from queue_server.protocol.cursors import BEFORE_ALL, read_place
from queue_server.protocol.errors import NotFoundError, ParameterError, StateError
from queue_server.protocol.items import Item
from queue_server.protocol.listing import Roll
from queue_server.protocol.method import Done
from queue_server.protocol.methods.items import ItemBatchParams
from queue_server.protocol.methods.submissions import (
    SubmissionAddParams,
    SubmissionArchiveParams,
    SubmissionCancelParams,
    SubmissionEditParams,
    SubmissionFileParams,
    SubmissionGetParams,
    SubmissionListParams,
    SubmissionPage,
    SubmissionReply,
)
from queue_server.protocol.methods.workflows import FileReply, Manifest
from queue_server.protocol.rankings import RankedRun, RankEntry
from queue_server.protocol.submissions import AttemptResult, FollowedSubmission, Submission, SubmissionFilter
from queue_server.protocol.workflows import Workflow

CANCELLED = "canceled by user"
"""Why a running submission was ended, where nobody says: the words that clients of flowserv know."""


def add_submission(context: TurnContext, params: SubmissionAddParams) -> SubmissionReply:
    """Submit a workflow."""
    group_name = require_user(params.user, params.user_group)
    workflow = find_workflow(context, params.workflow_id)
    files = {} if params.group_id is None else _find_files(context, workflow, params)
    values = check_arguments(workflow.fields, params.arguments, files=files, casts=params.cast)
    order = Order(str(params.user), group_name, params.lane, params.held)
    items = make_items(context, workflow.fields, values, order)
    content: dict[str, Any] = {"arguments": values}
    if len(items) > 1:
        content["steps"] = [item.uid for item in items[:-1]]
    if params.request is not None:
        content["request"] = params.request
    submission = Submission(
        uid=items[-1].submission,
        lane=items[-1].lane,
        creator=order.user,
        created=float(context.turn.now),
        workflow=workflow.id,
        version=workflow.version,
        group=params.group_id,
        reference=params.reference,
        content=content,
    )
    queue_pieces(context, [Piece(items, submission)], ItemBatchParams(pos=params.pos))
    return SubmissionReply(show_submission(context, submission))


def _find_files(context: TurnContext, workflow: Workflow, params: SubmissionAddParams) -> dict[str, str]:
    """Return the files that the arguments may name, after a look at who submits for which group."""
    named = find_group(context, str(params.group_id))
    if named.workflow != workflow.id:
        raise ParameterError(
            f"'group_id': {named.id!r} is a group of the workflow {named.workflow!r}, not of {workflow.id!r}.",
            field="group_id",
        )
    require_member(context, named, params)
    return {file.id: file.artifact_id for file in context.turn.tx.group_files(named.id)}


def get_submission(context: TurnContext, params: SubmissionGetParams) -> SubmissionReply:
    """Return a submission."""
    return SubmissionReply(show(find_submission(context, params.submission_id), find_active(context)))


def list_submissions(context: TurnContext, params: SubmissionListParams) -> SubmissionPage:
    """Return a page of submissions."""
    behind = read_place(params.cursor, BEFORE_ALL)
    states = None if params.state is None else frozenset(params.state)
    wanted = SubmissionFilter(
        workflow=params.workflow_id,
        group=params.group_id,
        batch=params.batch_id,
        states=None if states is None else stored_states(states),
    )
    active = find_active(context)
    part = context.turn.tx.submissions(wanted, limit=params.limit, behind=behind)
    # The store knows fewer states; a page may be shorter for that, and goes on behind what was looked at.
    fitting = [each for _, each in part.entries if states is None or state_of(each, active) in states]
    return SubmissionPage(Roll(show(each, active) for each in fitting), _cursor_behind(part.entries, part.has_more))


def _cursor_behind(entries: Any, has_more: bool) -> str | None:
    return str(entries[-1][0]) if has_more else None


def cancel_submission(context: TurnContext, params: SubmissionCancelParams) -> SubmissionReply:
    """Take a submission that waits out of its queue; end one that runs."""
    followed = find_submission(context, params.submission_id)
    submission = followed.submission
    require_member_of(context, submission, params)
    own = context.turn.tx.living(submission.uid)
    if not own:
        raise StateError(f"The submission {submission.uid} neither waits nor runs: it is {followed.state}.")
    _end(context, submission, params.reason or CANCELLED)
    waiting = [item for uid in _uids_of(submission) for item in context.turn.tx.living(uid) if item.state != "running"]
    for lane in dict.fromkeys(item.lane for item in waiting):
        part = [item for item in waiting if item.lane == lane]
        _take_out(replace(context, lane=lane), part, submission_id=submission.uid, reason=params.reason or "")
    return SubmissionReply(show_submission(context, submission))


def _end(context: TurnContext, submission: Submission, reason: str) -> None:
    """Cancel what runs of a submission; an earlier step on a remote scanner is waited for, and comes to nothing."""
    turn = context.turn
    running = [item for uid in _uids_of(submission) for item in turn.tx.living(uid) if item.state == "running"]
    for item in running:
        if item.submission != submission.uid and turn.state.lane(item.lane).is_remote:
            continue
        turn.apply(CancelRequested(item.lane, item.uid, reason, turn.now))
        data = {"submission_id": submission.uid, "item_uid": item.uid, "reason": reason}
        turn.record(context.method, lane=item.lane, origin=context.origin, data=data)


def _take_out(lane: TurnContext, items: list[Item], **data: str) -> None:
    places = places_of(lane, items)
    lane.turn.tx.remove([item.uid for item in items])
    for item in items:
        exam_progress.note_removal(lane.turn.tx, item, lane.turn.now)
    uids = [item.uid for item in items]
    lane.edit(edits.removed(items, places), -len(items), item=None, item_uids=uids, **data)
    for item in items:
        release_lane(lane, item)


def _uids_of(submission: Submission) -> tuple[str, ...]:
    return (*submission.content.get("steps", ()), submission.uid)


def remove_submission(context: TurnContext, params: SubmissionEditParams) -> Done:
    """Forget a submission that has ended."""
    followed = find_submission(context, params.submission_id)
    submission, tx = followed.submission, context.turn.tx
    require_member_of(context, submission, params)
    if submission.batch is not None:
        raise StateError(f"The submission {submission.uid} is an item of the batch {submission.batch}, which keeps it.")
    if any(tx.living(uid) for uid in _uids_of(submission)):
        raise StateError(f"The submission {submission.uid} waits or runs: cancel it, or wait for its end.")
    affected = _find_affected(context, followed)
    tx.remove_submission(submission.uid)
    data = {"submission_id": submission.uid, "workflow_id": submission.workflow}
    context.turn.record(context.method, origin=context.origin, data=data)
    if affected is not None:
        Postprocessor(context.desk)(context.turn, affected)
    return Done()


def _find_affected(context: TurnContext, followed: FollowedSubmission) -> Workflow | None:
    """Return the workflow whose ranked results are others without this submission, None if they stay the same."""
    submission = followed.submission
    if submission.workflow is None:
        return None
    for result in followed.results:
        run = RankedRun(submission.uid, result.attempt)
        entrant = RankEntry(submission.workflow, run, submission.group, 0.0, {}).entrant
        affected = find_affected(context.turn.tx, submission.workflow, entrant, run)
        if affected is not None:
            return affected
    return None


def list_files(context: TurnContext, params: SubmissionArchiveParams) -> Manifest:
    """Return the files of an attempt."""
    result = _find_result(find_submission(context, params.submission_id), params.attempt)
    return Manifest(Roll(file.shown() for file in result.files), result.submission, result.attempt)


def _find_result(followed: FollowedSubmission, attempt: int | None) -> AttemptResult:
    results = [each for each in followed.results if attempt in (None, each.attempt)]
    if not results:
        which = "no attempt" if attempt is None else f"no attempt {attempt}"
        raise NotFoundError(f"There is {which} at the submission {followed.submission.uid} that has ended.")
    return results[-1]


def get_file(context: TurnContext, params: SubmissionFileParams) -> FileReply:
    """Return a file of a submission."""
    return find_file(find_submission(context, params.submission_id).results, params.file_id)


GROUP = group(
    turn={
        "submission_add": add_submission,
        "submission_get": get_submission,
        "submission_list": list_submissions,
        "submission_cancel": cancel_submission,
        "submission_remove": remove_submission,
        "submission_archive": list_files,
        "submission_file": get_file,
    }
)
