"""The state of a submission as people see it: what the store knows, and of what is under way also what the engine does.

It derives, and keeps nothing.
"""

from __future__ import annotations

from typing import Any

from queue_server.core.view import is_paused
from queue_server.handlers.context import TurnContext
from queue_server.protocol.submissions import FollowedSubmission, StoredState, SubmissionState

RUNNING: frozenset[SubmissionState] = frozenset(("running", "paused", "uploading"))
"""The states that a store does not tell apart."""


def find_active(context: TurnContext) -> dict[str, SubmissionState]:
    """Return the submissions that have an attempt under way, each with its state; at most one for each lane."""
    found: dict[str, SubmissionState] = {}
    for lane in context.turn.state.lanes:
        if lane.attempt is None:
            continue
        if is_paused(lane):
            found[lane.attempt.key.submission] = "paused"
        elif lane.is_remote and _uploads(context, lane.attempt.key.item_uid):
            found[lane.attempt.key.submission] = "uploading"
        else:
            found[lane.attempt.key.submission] = "running"
    return found


def _uploads(context: TurnContext, item_uid: str) -> bool:
    task = context.turn.tx.exam_task_of(item_uid)
    return task is not None and task.item is not None and task.item.state == "uploading"


def show(followed: FollowedSubmission, active: dict[str, SubmissionState]) -> dict[str, Any]:
    """Return the map that clients see; ``active`` is what was found to be under way."""
    return followed.shown(state_of(followed, active))


def state_of(followed: FollowedSubmission, active: dict[str, SubmissionState]) -> SubmissionState:
    """Return the state of a submission."""
    state = followed.state
    return active.get(followed.submission.uid, state) if state == "running" else state


def stored_states(states: frozenset[SubmissionState]) -> frozenset[StoredState]:
    """Return the states of a store among which submissions in any of these states are."""
    return frozenset("running" if state == "paused" or state == "uploading" else state for state in states)
