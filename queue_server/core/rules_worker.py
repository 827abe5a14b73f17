"""Rules for what workers say and how they end: hello, reports, silence, exit.

A report about another attempt than the open one is late: it raises, so that it is recorded and never applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from queue_server.core.effects import (
    ClaimNext,
    Effect,
    FinishAttempt,
    RecordPhase,
    RecordRunClosed,
    RecordRunOpened,
    Redispatch,
    Send,
)
from queue_server.core.events import WorkerAnswering, WorkerConnected, WorkerExited, WorkerReported
from queue_server.core.model import PAUSES, Attempt, Lane, State, Wait, Worker
from queue_server.core.rules_environment import end_if_stopped
from queue_server.core.rules_queue import stopped
from queue_server.core.rules_run import send_pause
from queue_server.protocol.errors import NotFoundError, StateError
from queue_server.protocol.items import AttemptKey, Result, Run
from queue_server.protocol.worker_link import (
    CatalogPage,
    Close,
    Dismiss,
    EnvironmentClosed,
    EnvironmentFailed,
    EnvironmentOpened,
    ItemAcknowledged,
    ItemFinished,
    OrderRefused,
    REStateChanged,
    RunClosed,
    RunOpened,
    Welcome,
)

Outcome = tuple[State, tuple[Effect, ...]]


def connect(state: State, event: WorkerConnected) -> Outcome:
    """Adopt a worker that this manager or the one before it started; dismiss any other."""
    hello = event.hello
    try:
        lane = state.lane(hello.lane)
    except NotFoundError:
        return state, (Send(hello.incarnation, Dismiss(reason=f"there is no lane {hello.lane!r}")),)
    if lane.worker.incarnation != hello.incarnation or lane.worker.environment == "closed":
        return state, (Send(hello.incarnation, Dismiss(reason="the lane is served by another worker")),)
    effects: tuple[Effect, ...] = (Send(hello.incarnation, Welcome(epoch=state.epoch)),)
    worker = replace(lane.worker, connected=True, answering=True, re_state=hello.re_state)
    lane, more = _compare_attempts(replace(lane, worker=worker), hello.attempt, hello.runs)
    if worker.environment == "closing":
        # The order to close may have died with the manager that gave it; closing twice is harmless.
        more = (*more, Send(hello.incarnation, Close()))
    return state.with_lane(lane).bump("runs"), effects + more


def _compare_attempts(lane: Lane, theirs: AttemptKey | None, runs: tuple[Run, ...]) -> tuple[Lane, tuple[Effect, ...]]:
    attempt = lane.attempt
    if attempt is None:
        return lane, ()
    if attempt.key == theirs:
        # An order may have been lost with a connection; what counts is the state that the worker tells.
        return replace(lane, attempt=replace(attempt, runs=runs or attempt.runs, order=None)), ()
    if attempt.phase == "dispatched":
        return lane, (Redispatch(attempt.key),)
    return lane, ()


def report(state: State, event: WorkerReported) -> Outcome:
    """Apply a numbered report."""
    lane = state.lane(event.lane)
    if lane.worker.incarnation != event.incarnation or lane.worker.environment == "closed":
        raise StateError(f"late: the lane {lane.name!r} is not served by worker {event.incarnation!r} any more")
    return _REPORTS[type(event.report)](state, lane, event)


def _pass(state: State, lane: Lane, event: WorkerReported) -> Outcome:
    return state, ()


def _opened(state: State, lane: Lane, event: WorkerReported) -> Outcome:
    if lane.worker.environment != "opening":
        return state, ()
    worker = replace(lane.worker, environment="open", re_state="idle", wait=None, failure="")
    return state.with_lane(replace(lane, worker=worker)), ()


def _failed(state: State, lane: Lane, event: WorkerReported) -> Outcome:
    failure = event.report.message if isinstance(event.report, EnvironmentFailed) else ""
    wait = Wait("the worker process to end", event.at)
    worker = replace(lane.worker, environment="closing", failure=failure, wait=wait)
    return state.with_lane(replace(lane, worker=worker)), ()


def _acknowledged(state: State, lane: Lane, event: WorkerReported) -> Outcome:
    attempt = _open_attempt(lane, event)
    lane = replace(lane, attempt=replace(attempt, phase="acknowledged"))
    lane = replace(lane, queue="running" if lane.queue == "starting" else lane.queue)
    return state.with_lane(lane), (RecordPhase(attempt.key, "acknowledged"),)


def _run_opened(state: State, lane: Lane, event: WorkerReported) -> Outcome:
    attempt = _open_attempt(lane, event)
    message = event.report
    if not isinstance(message, RunOpened) or any(run.uid == message.run_uid for run in attempt.runs):
        return state, ()
    run = Run(message.run_uid, message.scan_id)
    lane = replace(lane, attempt=replace(attempt, phase="running", runs=(*attempt.runs, run)))
    effects: tuple[Effect, ...] = (RecordRunOpened(attempt.key, run),)
    if attempt.phase != "running":
        effects = (RecordPhase(attempt.key, "running"), *effects)
    return state.with_lane(lane).bump("runs"), effects


def _run_closed(state: State, lane: Lane, event: WorkerReported) -> Outcome:
    attempt = _open_attempt(lane, event)
    message = event.report
    if not isinstance(message, RunClosed) or all(run.uid != message.run_uid for run in attempt.runs):
        return state, ()
    runs = tuple(
        replace(run, is_open=False, exit_status=message.exit_status) if run.uid == message.run_uid else run
        for run in attempt.runs
    )
    lane = replace(lane, attempt=replace(attempt, runs=runs))
    return state.with_lane(lane).bump("runs"), (RecordRunClosed(attempt.key, message.run_uid, message.exit_status),)


def _re_state(state: State, lane: Lane, event: WorkerReported) -> Outcome:
    if not isinstance(event.report, REStateChanged):
        return state, ()
    new, attempt = event.report.re_state, lane.attempt
    lane = replace(lane, worker=replace(lane.worker, re_state=new))
    if attempt is not None and attempt.order is not None:
        is_pause = attempt.order in PAUSES
        # A pause is met when the plan is paused; any other order when the plan is on its way again.
        met = (new == "paused") if is_pause else (new != "paused")
        lane = replace(lane, attempt=replace(attempt, order=None) if met else attempt)
    return send_pause(state, lane)


def _order_refused(state: State, lane: Lane, event: WorkerReported) -> Outcome:
    attempt = _open_attempt(lane, event)
    return state.with_lane(replace(lane, attempt=replace(attempt, order=None))), ()


def _finished(state: State, lane: Lane, event: WorkerReported) -> Outcome:
    attempt = _open_attempt(lane, event)
    message = event.report
    if not isinstance(message, ItemFinished):
        return state, ()
    result = Result(
        outcome=message.outcome,
        time_start=message.time_start,
        time_stop=message.time_stop,
        run_uids=message.run_uids,
        scan_ids=message.scan_ids,
        message=message.message,
        traceback=message.traceback,
        points=message.points,
    )
    return end_attempt(state, lane, attempt, result)


def end_attempt(state: State, lane: Lane, attempt: Attempt, result: Result) -> Outcome:
    """Record the outcome, put a copy back where the policy says so, and go on with the queue or stop it."""
    as_success = result.outcome in ("completed", "stopped") or (result.outcome == "failed" and lane.ignore_failures)
    goes_on = as_success and result.outcome != "stopped" and lane.queue != "stopped"
    pauses = attempt.order in PAUSES
    reason = f"attempt {attempt.key.number} ended as {result.outcome}: {result.message}".rstrip(": ")
    finish = FinishAttempt(attempt.key, result, _copy(lane, result, as_success=as_success), reason)
    lane = replace(lane, attempt=None)
    if finish.copy == "held":
        lane = replace(lane, condition="held", reason=reason)
    if goes_on and not lane.stop_pending and not pauses and state.phase != "stopping":
        return state.with_lane(lane).bump("runs"), (finish, ClaimNext(lane.name))
    return state.with_lane(stopped(lane)).bump("runs"), (finish,)


def _copy(lane: Lane, result: Result, *, as_success: bool) -> Any:
    if as_success:
        return "back" if lane.loop else "none"
    if result.outcome == "unknown" or lane.on_failure == "hold":
        return "held"
    return "front"


def exit_worker(state: State, event: WorkerExited) -> Outcome:
    """Close the environment; an attempt that was under way ends as unknown, or as failed if a person killed it."""
    lane = state.lane(event.lane)
    if lane.worker.incarnation != event.incarnation or lane.worker.environment == "closed":
        return state, ()
    was, attempt = lane.worker.environment, lane.attempt
    failure = lane.worker.failure if was in ("closing", "destroying") else f"The worker ended: {event.cause}"
    closed = replace(lane, worker=Worker(failure=failure))
    if attempt is None:
        return end_if_stopped(state.with_lane(stopped(closed)), ())
    destroyed = was == "destroying"
    result = Result(
        outcome="failed" if destroyed else "unknown",
        time_start=attempt.time_start,
        time_stop=max(event.at, attempt.time_start),
        run_uids=tuple(run.uid for run in attempt.runs),
        scan_ids=tuple(run.scan_id for run in attempt.runs if run.scan_id is not None),
        message="The environment was destroyed." if destroyed else f"The worker ended during the plan: {event.cause}",
    )
    # Whatever the modes say, a queue does not go on without its worker.
    halted = replace(closed, queue="stopped", loop=False, ignore_failures=False)
    state, effects = end_attempt(state, halted, attempt, result)
    lane = replace(state.lane(lane.name), loop=closed.loop, ignore_failures=closed.ignore_failures)
    return end_if_stopped(state.with_lane(lane), effects)


def note_answering(state: State, event: WorkerAnswering) -> Outcome:
    """Show whether the worker answers; nothing is killed because time has passed."""
    lane = state.lane(event.lane)
    if lane.worker.incarnation != event.incarnation:
        return state, ()
    return state.with_lane(replace(lane, worker=replace(lane.worker, answering=event.answering))), ()


def _open_attempt(lane: Lane, event: WorkerReported) -> Attempt:
    key = getattr(event.report, "attempt", None)
    if lane.attempt is None or lane.attempt.key != key:
        raise StateError(f"late: the attempt of this report is not the open one of the lane {lane.name!r}")
    return lane.attempt


_REPORTS: Mapping[type, Callable[[State, Lane, WorkerReported], Outcome]] = {
    CatalogPage: _pass,
    EnvironmentOpened: _opened,
    EnvironmentFailed: _failed,
    ItemAcknowledged: _acknowledged,
    RunOpened: _run_opened,
    RunClosed: _run_closed,
    REStateChanged: _re_state,
    OrderRefused: _order_refused,
    ItemFinished: _finished,
    EnvironmentClosed: _pass,
}

RULES: Mapping[type, Any] = {
    WorkerConnected: connect,
    WorkerReported: report,
    WorkerExited: exit_worker,
    WorkerAnswering: note_answering,
}
