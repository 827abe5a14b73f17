"""Rules for tasks: one at a time in the foreground, while nothing else runs; any number in the background.

One that moves a device claims it until it has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.claims import find_users
from queue_server.core.effects import Effect, FinishTask, RecordTask, Send
from queue_server.core.events import TaskRequested
from queue_server.core.latch import require_released
from queue_server.core.model import Lane, State
from queue_server.core.rules_environment import require_environment, require_serving
from queue_server.protocol.errors import RefusedError, StateError
from queue_server.protocol.tasks import Task, TaskResult
from queue_server.protocol.worker_link import RunTask

Outcome = tuple[State, tuple[Effect, ...]]

MOST_TASKS = 100


def start_task(state: State, event: TaskRequested) -> Outcome:
    """Send a task to the worker once it is recorded."""
    require_serving(state)
    task = event.task
    lane = require_environment(state, task.lane)
    if task.kind != "update":
        require_released(lane)
    if not task.in_background and not lane.is_idle:
        raise StateError("RE Manager must be in idle state to run a task in the foreground.")
    if len(lane.tasks) >= MOST_TASKS:
        raise RefusedError(f"{len(lane.tasks)} tasks are running, and at most {MOST_TASKS} may.")
    if task.device:
        _require_unclaimed(state, task)
    message = RunTask(task_uid=task.uid, task=task.kind, in_background=task.in_background, content=dict(task.content))
    # The content is for the worker; the state need not keep a long script.
    lane = replace(lane, tasks=(*lane.tasks, replace(task, content={})))
    return state.with_lane(lane), (RecordTask(task), Send(lane.worker.incarnation, message))


def _require_unclaimed(state: State, task: Task) -> None:
    """Refuse to move or stop a device that something else has for itself; whatever a task moves may be stopped."""
    users = find_users(state, task.lane, task.device, items_only=not task.moves)
    if not users:
        return
    whose = ", ".join(f"the {each.work} of the lane {each.lane!r} claims {each.claim!r}" for each in users)
    if any(each.item_uid for each in users):
        way = "Wait for its end, or end it (re_pause, then re_stop or re_abort); estop stops everything."
    else:
        way = "Wait for its end, or stop it (device_stop)."
    verb = "set" if task.moves else "stopped"
    raise StateError(
        f"The device {task.device!r} cannot be {verb} now: {whose}. {way}",
        details={"claimed_by": [each.shown() for each in users]},
    )


def finish_task(state: State, lane: Lane, uid: str, result: TaskResult) -> Outcome:
    """Record how a task ended.

    Raises:
        StateError: no such task runs in the lane.
    """
    if all(task.uid != uid for task in lane.tasks):
        raise StateError(f"late: no task {uid!r} runs in the lane {lane.name!r}")
    lane = replace(lane, tasks=tuple(task for task in lane.tasks if task.uid != uid))
    return state.with_lane(lane).bump("tasks"), (FinishTask(uid, result),)


def lose_tasks(state: State, lane: Lane, uids: tuple[str, ...], why: str, at: float) -> Outcome:
    """Record that nobody will tell any more how these tasks ended."""
    effects: tuple[Effect, ...] = ()
    for task in lane.tasks:
        if task.uid in uids:
            result = TaskResult(False, why, "", task.time_start, max(at, task.time_start))
            state, more = finish_task(state, state.lane(lane.name), task.uid, result)
            effects += more
    return state, effects


RULES: Mapping[type, Any] = {TaskRequested: start_task}
