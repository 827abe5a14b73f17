"""Rules for what workers say and how they end: hello, reports, silence, exit.

A report about another attempt than the open one is late: it raises, so that it is recorded and never applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.effects import (
    ClaimNext,
    Effect,
    FinishAttempt,
    KillWorker,
    RecordPhase,
    RecordRunClosed,
    RecordRunOpened,
    Redispatch,
    Send,
)
from queue_server.core.events import WorkerAnswering, WorkerConnected, WorkerExited, WorkerReported
from queue_server.core.latch import is_latched, order_again
from queue_server.core.model import ENDS, PAUSES, Attempt, Lane, State, Wait, Worker
from queue_server.core.rules_environment import AWAITED_DEVICE, WAITS, end_if_stopped
from queue_server.core.rules_ladder import remind_of_order
from queue_server.core.rules_queue import stopped
from queue_server.core.rules_run import abort_cancelled
from queue_server.core.rules_task import finish_task, lose_tasks
from queue_server.protocol.errors import NotFoundError, StateError
from queue_server.protocol.items import AttemptKey, Result, Run
from queue_server.protocol.tasks import TaskResult
from queue_server.protocol.worker_link import (
    CatalogPage,
    Close,
    Dismiss,
    EnvironmentClosed,
    EnvironmentFailed,
    EnvironmentOpened,
    EnvironmentUpdated,
    Hello,
    ItemAcknowledged,
    ItemFinished,
    OrderRefused,
    REStateChanged,
    RunClosed,
    RunOpened,
    TaskFinished,
    Welcome,
)

Outcome = tuple[State, tuple[Effect, ...]]

# The finish record names all runs; what is known of them before is for people, and for a worker that dies.
MOST_RUNS = 10_000


def find_dismissal(state: State, hello: Hello) -> Dismiss | None:
    """Return the answer to a worker that no lane expects; None to one that this manager or the one before started."""
    try:
        lane = state.lane(hello.lane)
    except NotFoundError:
        return Dismiss(reason=f"there is no lane {hello.lane!r}")
    if not lane.is_remote and (lane.worker.incarnation != hello.incarnation or lane.worker.environment == "closed"):
        return Dismiss(reason="the lane is served by another worker")
    return None


def connect(state: State, event: WorkerConnected) -> Outcome:
    """Adopt a worker that this manager or the one before it started; dismiss any other."""
    hello = event.hello
    dismissal = find_dismissal(state, hello)
    if dismissal is not None:
        return state, (Send(hello.incarnation, dismissal),)
    lane = state.lane(hello.lane)
    effects: tuple[Effect, ...] = (Send(hello.incarnation, Welcome(epoch=state.epoch, greeting=hello.greeting)),)
    wait = lane.worker.wait
    if wait is not None:
        # What a restarted manager waits for is this hello; then it is what was waited for before.
        what = AWAITED_DEVICE if _is_getting_ready(lane) else WAITS.get(lane.worker.environment)
        wait = None if what is None else replace(wait, what=what)
    is_ours = hello.attempt is None or (lane.attempt is not None and lane.attempt.key == hello.attempt)
    stray = None if is_ours else hello.attempt
    worker = replace(lane.worker, connected=True, answering=True, silent_since=None)
    worker = replace(worker, re_state=hello.re_state, wait=wait, stray=stray)
    lane = replace(lane, worker=worker)
    # An order to end may have died with the manager that gave it; giving it twice is harmless.
    if lane.worker.environment == "closing":
        effects = (*effects, Send(hello.incarnation, Close()))
    if lane.worker.environment == "destroying":
        effects = (*effects, KillWorker(lane.name, hello.incarnation))
    state, more = _compare_attempts(state, lane, hello, event.at)
    lost = tuple(task.uid for task in lane.tasks if task.uid not in hello.tasks)
    why = "The worker does not know of this task: it was lost with the manager that sent it."
    state, most = lose_tasks(state, state.lane(lane.name), lost, why, event.at)
    return state, effects + more + most + order_again(state.lane(lane.name))


def _is_getting_ready(lane: Lane) -> bool:
    return lane.is_remote and lane.worker.environment == "opening"


def _compare_attempts(state: State, lane: Lane, hello: Hello, at: float) -> Outcome:
    attempt = lane.attempt
    if attempt is None:
        return state.with_lane(lane), ()
    if attempt.key == hello.attempt:
        return _adopt_attempt(state, lane, attempt, hello, at)
    return _dispatch_again(state, lane)


def _dispatch_again(state: State, lane: Lane) -> Outcome:
    """Order the open attempt again where the worker has not taken it, and is free to."""
    attempt = lane.attempt
    is_open = attempt is not None and attempt.phase == "dispatched" and lane.worker.stray is None
    if attempt is None or not is_open or not may_start(state, lane):
        return state.with_lane(lane), ()
    return state.with_lane(lane), (Redispatch(attempt.key),)


def _adopt_attempt(state: State, lane: Lane, attempt: Attempt, hello: Hello, at: float) -> Outcome:
    # An order may have been lost with a connection. What counts is the state that the worker tells: it shows whether a
    # paused plan went on, and a pause that is not met yet is ordered again.
    waits = attempt.order in PAUSES and hello.re_state != "paused"
    attempt = replace(attempt, order=attempt.order if waits else None, order_sent=False)
    state, effects = _note_runs(state, replace(lane, attempt=attempt), attempt, hello.runs)
    state, more = abort_cancelled(state, state.lane(lane.name), at)
    return state, effects + more


def report(state: State, event: WorkerReported) -> Outcome:
    """Apply a numbered report."""
    lane = state.lane(event.lane)
    if lane.worker.incarnation != event.incarnation or lane.worker.environment == "closed":
        raise StateError(f"late: the lane {lane.name!r} is not served by worker {event.incarnation!r} any more")
    return _REPORTS[type(event.report)](state, lane, event.report, event.at)


def _pass(state: State, lane: Lane, message: CatalogPage | EnvironmentUpdated, at: float) -> Outcome:
    return state, ()


def _closed(state: State, lane: Lane, message: EnvironmentClosed, at: float) -> Outcome:
    if not lane.is_remote:
        # The exit of the process tells more.
        return state, ()
    return exit_worker(state, WorkerExited(lane.name, lane.worker.incarnation, "it has disconnected", at))


def _opened(state: State, lane: Lane, message: EnvironmentOpened, at: float) -> Outcome:
    if lane.worker.environment != "opening":
        return state, ()
    worker = replace(lane.worker, environment="open", re_state="idle", wait=None, failure="")
    return state.with_lane(replace(lane, worker=worker)), ()


def _failed(state: State, lane: Lane, message: EnvironmentFailed, at: float) -> Outcome:
    if lane.is_remote:
        return exit_worker(state, WorkerExited(lane.name, lane.worker.incarnation, message.message, at))
    worker = replace(lane.worker, failure=message.message)
    if worker.environment != "destroying":
        worker = replace(worker, environment="closing", wait=Wait(WAITS["destroying"], at))
    return state.with_lane(replace(lane, worker=worker)), ()


def _acknowledged(state: State, lane: Lane, message: ItemAcknowledged, at: float) -> Outcome:
    attempt = _open_attempt(lane, message.attempt)
    if attempt.phase != "dispatched":
        return state, ()
    lane = replace(lane, attempt=replace(attempt, phase="acknowledged"))
    lane = replace(lane, queue="running" if lane.queue == "starting" else lane.queue)
    return state.with_lane(lane), (RecordPhase(attempt.key, "acknowledged"),)


def _run_opened(state: State, lane: Lane, message: RunOpened, at: float) -> Outcome:
    attempt = _open_attempt(lane, message.attempt)
    return _note_runs(state, lane, attempt, (Run(message.run_uid, message.scan_id),))


def _run_closed(state: State, lane: Lane, message: RunClosed, at: float) -> Outcome:
    attempt = _open_attempt(lane, message.attempt)
    opened = next((run for run in attempt.runs if run.uid == message.run_uid), None)
    if opened is None:
        return state, ()
    return _note_runs(state, lane, attempt, (opened.closed(message.exit_status),))


def _note_runs(state: State, lane: Lane, attempt: Attempt, told: tuple[Run, ...]) -> Outcome:
    """Return the state that knows of these runs, and what has to be written of what is new."""
    runs = {run.uid: run for run in attempt.runs}
    effects: tuple[Effect, ...] = ()
    for run in told:
        if run.uid not in runs:
            if len(runs) >= MOST_RUNS:
                continue
            runs[run.uid] = Run(run.uid, run.scan_id)
            effects += (RecordRunOpened(attempt.key, runs[run.uid]),)
        if runs[run.uid].is_open and not run.is_open:
            runs[run.uid] = runs[run.uid].closed(run.exit_status)
            effects += (RecordRunClosed(attempt.key, run.uid, run.exit_status or ""),)
    if not effects:
        return state.with_lane(lane), ()
    if attempt.phase != "running":
        effects = (RecordPhase(attempt.key, "running"), *effects)
    attempt = replace(attempt, phase="running", runs=tuple(runs.values()))
    lane = replace(lane, attempt=attempt, queue="running" if lane.queue == "starting" else lane.queue)
    return state.with_lane(lane).bump("runs"), effects


def _re_state(state: State, lane: Lane, message: REStateChanged, at: float) -> Outcome:
    new, attempt = message.re_state, lane.attempt
    lane = replace(lane, worker=replace(lane.worker, re_state=new))
    if attempt is not None and attempt.order is not None:
        is_pause = attempt.order in PAUSES
        # A pause is met when the plan is paused; any other order when the plan is on its way again.
        met = (new == "paused") if is_pause else (new != "paused")
        lane = replace(lane, attempt=replace(attempt, order=None) if met else attempt)
    return abort_cancelled(state, lane, at)


def _order_refused(state: State, lane: Lane, message: OrderRefused, at: float) -> Outcome:
    attempt = _open_attempt(lane, message.attempt)
    if message.order == "pause" and attempt.order in PAUSES:
        # It waits for the RunEngine to run again; if the plan ends before, the queue stops all the same.
        return state.with_lane(replace(lane, attempt=replace(attempt, order_sent=False))), ()
    if message.order != attempt.order:
        return state, ()
    if attempt.order in ENDS and not lane.worker.answering:
        # It cannot be obeyed now; its deadline goes on, unless the worker answers again.
        return state.with_lane(replace(lane, attempt=replace(attempt, order_sent=False))), ()
    # A plan that its worker refuses to end is a matter for people again.
    return state.with_lane(replace(lane, attempt=replace(attempt, order=None, cancellation=""))), ()


def _finished(state: State, lane: Lane, message: ItemFinished, at: float) -> Outcome:
    if lane.worker.stray == message.attempt:
        # Its outcome has no place here; the worker is free again.
        return _dispatch_again(state, replace(lane, worker=replace(lane.worker, stray=None)))
    return end_attempt(state, lane, _open_attempt(lane, message.attempt), _result_of(message))


def _result_of(message: ItemFinished) -> Result:
    return Result(
        outcome=message.outcome,
        time_start=message.time_start,
        time_stop=message.time_stop,
        run_uids=message.run_uids,
        scan_ids=message.scan_ids,
        message=message.message,
        traceback=message.traceback,
        points=message.points,
        artifacts=message.artifacts,
        metrics=message.metrics,
        metrics_error=message.metrics_error,
    )


def _task_finished(state: State, lane: Lane, message: TaskFinished, at: float) -> Outcome:
    result = TaskResult(
        success=message.success,
        message=message.message,
        traceback=message.traceback,
        time_start=message.time_start,
        time_stop=message.time_stop,
        return_value=message.return_value,
    )
    return finish_task(state, lane, message.task_uid, result)


def end_attempt(state: State, lane: Lane, attempt: Attempt, result: Result) -> Outcome:
    """Record the outcome, put a copy back where the policy says so, and go on with the queue or stop it."""
    as_success = result.outcome in ("completed", "stopped") or (result.outcome == "failed" and lane.ignore_failures)
    is_done = as_success and result.outcome != "stopped" and attempt.order not in PAUSES
    reason = f"attempt {attempt.key.number} ended as {result.outcome}: {result.message}".rstrip(": ")
    copy = "none" if attempt.is_immediate else _copy(lane, result, as_success=as_success)
    if attempt.cancellation and result.outcome != "unknown":
        copy, result = "none", _explain(result, attempt.cancellation)
    finish = FinishAttempt(attempt.key, result, copy, reason)
    # Whatever a person or a failure has stopped does not start again by itself.
    lane = replace(lane, attempt=None, autostart=lane.autostart and is_done and not lane.stop_pending)
    if finish.copy == "held" and not is_latched(lane):
        lane = replace(lane, condition="held", reason=reason)
    goes_on = is_done and not attempt.is_immediate and lane.queue != "stopped" and not lane.stop_pending
    if goes_on and may_start(state, lane):
        return state.with_lane(lane).bump("runs"), (finish, ClaimNext(lane.name))
    return state.with_lane(stopped(lane)).bump("runs"), (finish,)


def _explain(result: Result, cancellation: str) -> Result:
    """Return the result with the reason of the cancellation, where that has ended it."""
    return replace(result, message=cancellation) if result.outcome in ("aborted", "halted") else result


def may_start(state: State, lane: Lane) -> bool:
    """Whether a plan may begin to move hardware: not in a latched lane, nor while worker or manager is about to end."""
    return state.phase in ("recovering", "serving") and lane.worker.environment == "open" and not is_latched(lane)


def _copy(lane: Lane, result: Result, *, as_success: bool) -> Any:
    if as_success:
        return "back" if lane.loop else "none"
    if result.outcome == "unknown" or lane.on_failure == "hold":
        return "held"
    return "front"


def exit_worker(state: State, event: WorkerExited) -> Outcome:
    """Close the environment and stop the queue.

    An attempt that was under way ends as the worker has written it down, as failed if a person killed the worker, and
    as unknown otherwise.
    """
    lane = state.lane(event.lane)
    if lane.worker.incarnation != event.incarnation or lane.worker.environment == "closed":
        return state, ()
    uids = tuple(task.uid for task in lane.tasks)
    state, ends = lose_tasks(state, lane, uids, f"The worker ended during the task: {event.cause}", event.at)
    state, effects = _close(state, state.lane(lane.name), event)
    return state, ends + effects


def _close(state: State, lane: Lane, event: WorkerExited) -> Outcome:
    was, attempt = lane.worker.environment, lane.attempt
    failure = lane.worker.failure if was in ("closing", "destroying") else f"The worker ended: {event.cause}"
    # Whoever opens the environment again after a death looks first, and starts the queue by hand.
    autostart = lane.autostart and (was == "closing" or lane.is_remote)
    closed = replace(lane, worker=Worker(failure=failure), autostart=autostart)
    if attempt is None:
        return end_if_stopped(state.with_lane(stopped(closed)), ())
    record = next((record for record in event.finished if record.attempt == attempt.key), None)
    if record is not None:
        state, effects = end_attempt(state, closed, attempt, _result_of(record))
        return end_if_stopped(state, effects)
    # Whatever the mode says, the plan has not done what it was to do.
    by = f"emergency stop killed the worker: {lane.reason}" if is_latched(lane) else "environment was destroyed."
    is_killed = was == "destroying" and not lane.is_remote
    result = _lost(attempt, event, f"The {by}" if is_killed else "")
    state, effects = end_attempt(state, replace(closed, ignore_failures=False), attempt, result)
    lane = replace(state.lane(lane.name), ignore_failures=lane.ignore_failures)
    return end_if_stopped(state.with_lane(lane), effects)


def _lost(attempt: Attempt, event: WorkerExited, killed_because: str) -> Result:
    return Result(
        outcome="failed" if killed_because else "unknown",
        time_start=attempt.time_start,
        time_stop=max(event.at, attempt.time_start),
        run_uids=tuple(run.uid for run in attempt.runs),
        scan_ids=tuple(run.scan_id for run in attempt.runs if run.scan_id is not None),
        message=killed_because or f"The worker ended during the plan: {event.cause}",
    )


def note_answering(state: State, event: WorkerAnswering) -> Outcome:
    """Show whether the worker answers; nothing is killed because time has passed."""
    lane = next((lane for lane in state.lanes if lane.name == event.lane), None)
    if lane is None or lane.worker.incarnation != event.incarnation:
        # A worker that was dismissed may fall silent.
        return state, ()
    since = None if event.answering else event.at
    if event.answering and lane.attempt is not None and lane.attempt.order in ENDS and not lane.attempt.order_sent:
        lane = replace(lane, attempt=replace(lane.attempt, order=None, cancellation=""))
    lane = replace(lane, worker=replace(lane.worker, answering=event.answering, silent_since=since))
    return state.with_lane(lane), remind_of_order(lane)


def _open_attempt(lane: Lane, key: AttemptKey) -> Attempt:
    if lane.attempt is None or lane.attempt.key != key:
        raise StateError(f"late: the attempt of this report is not the open one of the lane {lane.name!r}")
    return lane.attempt


_REPORTS: Mapping[type, Callable[[State, Lane, Any, float], Outcome]] = {
    CatalogPage: _pass,
    EnvironmentOpened: _opened,
    EnvironmentFailed: _failed,
    ItemAcknowledged: _acknowledged,
    RunOpened: _run_opened,
    RunClosed: _run_closed,
    REStateChanged: _re_state,
    OrderRefused: _order_refused,
    ItemFinished: _finished,
    EnvironmentClosed: _closed,
    EnvironmentUpdated: _pass,
    TaskFinished: _task_finished,
}

RULES: Mapping[type, Any] = {
    WorkerReported: report,
    WorkerExited: exit_worker,
    WorkerAnswering: note_answering,
}
