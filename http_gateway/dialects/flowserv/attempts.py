"""A submission as flowserv's runs: one for each attempt, since the end states of its runs are final.

The first run has the id of its submission; the others have it too, with a dot and the number of the attempt behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast

from http_gateway.dialects.flowserv.times import put_in_order
from queue_server.protocol.errors import NotFoundError, ParameterError

RunState = Literal["PENDING", "RUNNING", "SUCCESS", "ERROR", "CANCELED"]
STATES: Final[tuple[RunState, ...]] = ("PENDING", "RUNNING", "SUCCESS", "ERROR", "CANCELED")
ACTIVE: Final[frozenset[RunState]] = frozenset(("PENDING", "RUNNING"))

_MEANINGS: Mapping[str, RunState] = {
    "queued": "PENDING",
    "held": "PENDING",
    "running": "RUNNING",
    "paused": "RUNNING",
    "uploading": "RUNNING",
    "completed": "SUCCESS",
    "stopped": "SUCCESS",
    "failed": "ERROR",
    "unknown": "ERROR",
    "aborted": "CANCELED",
    "halted": "CANCELED",
    "removed": "CANCELED",
}
_NEVER_BEGUN: Final = "It was taken out of the queue before it had begun."
_RUN_ID = re.compile(r"([A-Za-z0-9_-]{1,128})(?:\.([1-9][0-9]{0,8}))?")


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt of a submission, or the one that is still to come; times are seconds since 1970, in order."""

    id: str
    attempt: int
    state: RunState
    created: float
    started: float
    finished: float
    messages: tuple[str, ...] = ()
    files: Sequence[Mapping[str, Any]] = field(default_factory=tuple[Mapping[str, Any], ...])


def name_run(submission_id: str, attempt: int) -> str:
    """Return the id of the run that an attempt is."""
    return submission_id if attempt == 1 else f"{submission_id}.{attempt}"


def read_run_id(run_id: str) -> tuple[str, int]:
    """Return the submission of a run, and the number of its attempt.

    Raises:
        NotFoundError: no run has such an id.
    """
    found = _RUN_ID.fullmatch(run_id)
    if found is None or found[2] == "1":
        raise NotFoundError(f"There is no run {run_id[:80]!r}.")
    return found[1], int(found[2] or 1)


def runs_of(submission: Mapping[str, Any]) -> list[Run]:
    """Return the runs that a submission is, in the order of its attempts; at least one."""
    results = cast("list[Mapping[str, Any]]", submission["results"])
    ended = [_ended(submission, result) for result in results]
    state = _MEANINGS[submission["state"]]
    if ended and state not in ACTIVE:
        return ended
    number = max((run.attempt for run in ended), default=0) + 1
    started = submission.get("time_started") if state != "PENDING" else None
    created, begun, finished = put_in_order(submission["created"], started, None)
    messages = () if state in ACTIVE else _messages(submission, submission["state"])
    return [*ended, Run(name_run(submission["id"], number), number, state, created, begun, finished, messages)]


def _ended(submission: Mapping[str, Any], result: Mapping[str, Any]) -> Run:
    state = _MEANINGS[result["outcome"]]
    return Run(
        name_run(submission["id"], result["attempt"]),
        result["attempt"],
        state,
        *put_in_order(submission["created"], result["time_start"], result["time_stop"]),
        messages=_messages(result, result["outcome"]),
        files=result["files"] if state == "SUCCESS" else (),
    )


def _messages(record: Mapping[str, Any], outcome: str) -> tuple[str, ...]:
    untold = _NEVER_BEGUN if outcome == "removed" else f"The outcome is: {outcome}."
    return (record.get("message") or untold,)


def find_run(submission: Mapping[str, Any], attempt: int) -> Run:
    """Return the run that an attempt is.

    Raises:
        NotFoundError: there has been no such attempt.
    """
    for run in runs_of(submission):
        if run.attempt == attempt:
            return run
    raise NotFoundError(f"There is no run {name_run(submission['id'], attempt)!r}.")


def cancelled_run(submission: Mapping[str, Any], run: Run, reason: str = "") -> Run:
    """Return what a run is after it was cancelled: an attempt that never began leaves nothing in its submission."""
    left = next((each for each in runs_of(submission) if each.attempt == run.attempt), run)
    if left.state not in ("PENDING", "CANCELED"):
        return left
    messages = (reason,) if reason else left.messages or _messages({}, "removed")
    return replace(left, state="CANCELED", messages=messages)


def served_run(submission: Mapping[str, Any]) -> Run:
    """Return the newest successful run of a submission, or the newest one in any state."""
    runs = runs_of(submission)
    return next((run for run in reversed(runs) if run.state == "SUCCESS"), runs[-1])


def read_state(text: str | None) -> RunState | None:
    """Return the state for which a list of runs is asked; the word None, and no word, mean all.

    Raises:
        ParameterError: there is no such state.
    """
    if not text or text == "None":
        return None
    known: dict[str, RunState] = {state: state for state in STATES}
    found = known.get(text)
    if found is None:
        raise ParameterError(f"There is no state {text!r}; use {', '.join(STATES)}.", field="state")
    return found
