"""Everything that people, workers and mishaps can do to a world, whether it fits or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from queue_server.core import events
from queue_server.core.model import Lane
from queue_server.protocol import worker_link as link
from queue_server.protocol.items import OUTCOMES, AttemptKey, Outcome, Run
from queue_server.protocol.tasks import Task
from tests.property.queue_server.core.world import (
    Trace,
    World,
    change_queue,
    execute,
    make_entry,
    release_head,
    run_task,
)

RUN_UID = "run"
LATCHED_AT = 5.0

Move = Callable[[World], tuple[World, Trace]]


def incarnation_of(lane: str) -> str:
    """Return the incarnation that the worker of a lane has in these tests."""
    return f"worker of {lane}"


def list_requests(lane: str) -> list[events.Event]:
    """Return everything that a person can ask for, apart from changes of the queue."""
    return [
        events.EnvironmentOpenRequested(lane, incarnation_of(lane), 0.0),
        events.EnvironmentCloseRequested(lane, 0.0),
        events.EnvironmentDestroyRequested(lane, 0.0),
        events.QueueStartRequested(lane),
        events.AutostartSet(lane, True),
        events.AutostartSet(lane, False),
        events.PauseRequested(lane, "deferred", 0.0),
        events.ContinueRequested(lane, "resume", 0.0),
        events.StopRequested("close_idle", 0.0),
        events.StopRequested("kill", 0.0),
        events.EstopRequested(lane, "somebody", "a reason", LATCHED_AT),
        events.EstopReset(lane),
    ]


def list_stop_events(lane: Lane) -> list[events.Event]:
    """Return everything that follows from an emergency stop: its record, the report of the worker, its deadlines."""
    estop = lane.estop
    if estop is None:
        return []
    happening: list[events.Event] = [
        events.EstopRecorded(lane.name),
        events.EstopReported(lane.name, incarnation_of(lane.name), link.StopReport(order=estop.number)),
        events.EstopDeadlinePassed(lane.name, estop.at, estop.number, "report", 1.0),
        events.EstopDeadlinePassed(lane.name, estop.at, estop.number, "end", 1.0),
    ]
    if lane.attempt is not None and lane.attempt.phase == "dispatched":
        happening.append(events.OrdersWithheld(lane.name, lane.attempt.key, (), 1.0))
    return happening


def list_cancellations(lane: Lane) -> list[events.Event]:
    """Return the request of a person to end what runs in a lane, if something does."""
    key = open_key(lane)
    return [] if key is None else [events.CancelRequested(lane.name, key.item_uid, "a reason", 0.0)]


def list_side_requests(lane: str) -> list[events.Event]:
    """Return requests that resemble others or that matter only when an attempt ends."""
    return [
        events.PauseRequested(lane, "immediate", 0.0),
        events.ContinueRequested(lane, "stop", 0.0),
        events.ContinueRequested(lane, "abort", 0.0),
        events.ContinueRequested(lane, "halt", 0.0),
        events.QueueStopRequested(lane),
        events.QueueStopCancelled(lane),
        events.ModeSet(lane, loop=True, ignore_failures=False),
        events.ModeSet(lane, loop=False, ignore_failures=True),
        events.ModeSet(lane, loop=False, ignore_failures=False),
    ]


def list_worker_events(lane: Lane) -> list[events.Event]:
    """Return everything that the worker of a lane can be heard of, about what runs there and in general."""
    name, key = lane.name, open_key(lane)
    told: list[link.Report] = [
        link.EnvironmentOpened(number=1),
        link.EnvironmentFailed(number=1, message="a reason"),
        *(link.REStateChanged(number=1, re_state=state) for state in ("idle", "running", "paused")),
    ]
    told += [
        link.TaskFinished(number=1, task_uid=task.uid, success=True, time_start=0.0, time_stop=1.0)
        for task in lane.tasks
    ]
    return [
        hello(name),
        *([hello(name, key, tasks=lane.tasks)] if lane.tasks else ()),
        *(report(name, message) for message in told),
        *(list_attempt_events(name, key) if key else [exit_of(name)]),
    ]


def list_attempt_events(lane: str, key: AttemptKey) -> list[events.Event]:
    """Return everything that a worker can tell about an attempt."""
    return [
        hello(lane, key, "running"),
        hello(lane, key, "paused", Run(RUN_UID)),
        hello(lane, key, "running", Run(RUN_UID, None, is_open=False, exit_status="success")),
        *(report(lane, message) for message in list_reports(key)),
        *list_ends(lane, key),
    ]


def list_ends(lane: str, key: AttemptKey) -> list[events.Event]:
    """Return everything that ends an attempt."""
    return [
        *(report(lane, finish(key, outcome)) for outcome in OUTCOMES),
        exit_of(lane),
        exit_of(lane, finish(key, "completed")),
        exit_of(lane, finish(key, "failed")),
    ]


def list_reports(key: AttemptKey) -> list[link.Report]:
    """Return every report about an attempt but its end."""
    return [
        link.ItemAcknowledged(number=1, attempt=key),
        link.RunOpened(number=1, attempt=key, run_uid=RUN_UID),
        link.RunClosed(number=1, attempt=key, run_uid=RUN_UID, exit_status="success"),
        link.OrderRefused(number=1, attempt=key, order="pause", message="a reason"),
        link.OrderRefused(number=1, attempt=key, order="resume", message="a reason"),
        link.OrderRefused(number=1, attempt=key, order="abort", message="a reason"),
    ]


def hello(
    lane: str, key: AttemptKey | None = None, re_state: str = "idle", *runs: Run, tasks: tuple[Task, ...] = ()
) -> events.WorkerConnected:
    """Return the connection of the worker of a lane."""
    return events.WorkerConnected(
        link.Hello(
            lane=lane,
            incarnation=incarnation_of(lane),
            pid=1,
            environment="open",
            re_state=re_state,
            attempt=key,
            runs=runs,
            tasks=tuple(task.uid for task in tasks),
            next_report=1,
        )
    )


def report(lane: str, message: link.Report) -> events.WorkerReported:
    """Return a report of the worker of a lane."""
    return events.WorkerReported(lane, incarnation_of(lane), message, 1.0)


def finish(key: AttemptKey, outcome: Outcome) -> link.ItemFinished:
    """Return the end of an attempt."""
    return link.ItemFinished(number=1, attempt=key, outcome=outcome, time_start=0.0, time_stop=1.0)


def exit_of(lane: str, *finished: link.ItemFinished) -> events.WorkerExited:
    """Return the end of the worker of a lane."""
    return events.WorkerExited(lane, incarnation_of(lane), "a cause", 1.0, finished)


def list_edits(world: World, lane: str, *, most: int, kinds: tuple[str, ...] = ("plan",)) -> Iterator[tuple[str, Move]]:
    """Yield what people can do to a queue that is to have at most ``most`` items."""
    queue = world.of(lane).queue
    if len(queue) < most:
        for kind in kinds:
            yield f"add {kind}", lambda world, kind=kind: change_queue(world, lane, (*queue, make_entry(kind)))
    if queue:
        yield "remove", lambda world: change_queue(world, lane, queue[1:])
    if queue and queue[0].hold_reason:
        yield "release", lambda world: release_head(world, lane)
    yield "execute", lambda world: execute(world, lane)
    yield "foreground task", lambda world: run_task(world, lane, in_background=False)
    yield "background task", lambda world: run_task(world, lane, in_background=True)


def open_key(lane: Lane) -> AttemptKey | None:
    """Return the key of the attempt that is open in a lane."""
    return lane.attempt.key if lane.attempt else None
