"""What the state looks like from outside: the status that clients read, computed from the state alone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import lru_cache

from queue_server.core.after import describe
from queue_server.core.claims import Holder, find_holders
from queue_server.core.latch import is_settled
from queue_server.core.model import PAUSES, Lane, State
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.status import EnvironmentState, LaneStatus, ManagerState, Status

_OPENING: dict[str, ManagerState] = {
    "opening": "creating_environment",
    "closing": "closing_environment",
    "destroying": "destroying_environment",
}


def manager_state(state: State, lane: Lane) -> ManagerState:
    """Return the one word for what the manager does in a lane."""
    if state.phase == "recovering":
        return "initializing"
    if lane.worker.environment in _OPENING:
        return _OPENING[lane.worker.environment]
    if is_paused(lane):
        return "paused"
    if lane.foreground_task is not None:
        return "executing_task"
    if lane.queue == "starting":
        return "starting_queue"
    return "idle" if lane.is_idle else "executing_queue"


def is_paused(lane: Lane) -> bool:
    """Whether the plan of a lane is paused and nobody has ordered it to go on."""
    return lane.attempt is not None and lane.worker.re_state == "paused" and lane.attempt.order is None


def environment_exists(lane: Lane) -> bool:
    """Whether a lane has an environment: from the moment when it is open until its worker has ended."""
    if lane.worker.environment == "open":
        return True
    # One that never opened, because it failed to or is destroyed before, has no RunEngine.
    return lane.worker.environment in ("closing", "destroying") and lane.worker.re_state is not None


def environment_state(lane: Lane) -> EnvironmentState:
    """Return the word for what the worker of a lane does; while its plan is paused it does nothing."""
    words: dict[str, EnvironmentState] = {
        "closed": "closed",
        "opening": "initializing",
        "closing": "closing",
        "destroying": "closing",
    }
    if lane.worker.environment in words:
        return words[lane.worker.environment]
    if (lane.attempt is not None and not is_paused(lane)) or lane.worker.stray is not None:
        return "executing_plan"
    return "idle" if lane.foreground_task is None else "executing_task"


def lane_status(state: State, lane: Lane) -> LaneStatus:
    """Return one lane as clients see it."""
    attempt = lane.attempt
    after = () if lane.waiting is None else lane.waiting.after
    holders = () if lane.waiting is None or after else find_holders(state, lane.name, lane.waiting.claims)
    waiting_for, since = _waiting_in(lane, holders)
    exists = environment_exists(lane)
    return {
        "lane": lane.name,
        "condition": lane.condition,
        "reason": lane.reason or lane.worker.failure,
        "worker": lane.worker.incarnation,
        "worker_state": environment_state(lane),
        "answering": lane.worker.answering,
        "silent_since": lane.worker.silent_since,
        "running_item_uid": attempt.key.item_uid if attempt else None,
        "attempt": attempt.key.number if attempt else None,
        "waiting_for": waiting_for,
        "waiting_since": since,
        "waiting_item_uid": lane.waiting.item_uid if lane.waiting else None,
        "claimed_by": [each.shown() for each in holders],
        "comes_after": [{"item_uid": each.item_uid, "lane": each.lane, "is_held": each.is_held} for each in after],
        "items_in_queue": lane.size,
        "estop_by": lane.estop.by if lane.estop else None,
        "estop_at": lane.estop.at if lane.estop else None,
        "manager_state": manager_state(state, lane),
        "queue_stop_pending": lane.stop_pending,
        "queue_autostart_enabled": lane.autostart,
        "pause_pending": attempt is not None and attempt.order in PAUSES,
        "worker_environment_exists": exists,
        "worker_background_tasks": sum(task.in_background for task in lane.tasks) if lane.tasks else 0,
        "re_state": lane.worker.re_state if exists else None,  # type: ignore[typeddict-item]
        "plan_queue_mode": {"loop": lane.loop, "ignore_failures": lane.ignore_failures},
        "on_failure": lane.on_failure,
    }


def _waiting_in(lane: Lane, holders: Sequence[Holder]) -> tuple[str, float | None]:
    """Return what a lane waits for, and since when."""
    attempt, wait, stray = lane.attempt, lane.worker.wait, lane.worker.stray
    if wait is not None:
        return wait.what, wait.since
    if lane.waiting is not None:
        whose = [f"{each.claim!r}, which the {each.work} of the lane {each.lane!r} claims" for each in holders]
        whose += map(describe, lane.waiting.after)
        return "; ".join(whose) or "the manager to serve again", lane.waiting.since
    if attempt is None and lane.estop is None and stray is None:
        return "", None
    waiting_for, since = "", None
    if attempt is not None and attempt.order is not None:
        waiting_for, since = f"the plan to {attempt.order.partition('_')[0]}", attempt.order_since
    if lane.estop is not None and not is_settled(lane):
        waiting_for, since = "the emergency stop: the worker to stop all devices and to end what runs", lane.estop.at
    if stray is not None:
        waiting_for = f"an attempt of the item {stray.item_uid}, which this manager does not know, to end"
    return waiting_for, since


@lru_cache(maxsize=256)
def part_uid(instance_id: str, part: str, revision: int) -> str:
    """Return the uid that clients compare: equal exactly when the part has not changed."""
    return f"{_family(instance_id, part)}{revision:012x}"


# Hashing anew what only the revision tells apart would be a tenth of the time of a request.
@lru_cache(maxsize=64)
def _family(instance_id: str, part: str) -> str:
    """Return what the uids of all revisions of a part begin with."""
    return str(uuid.uuid5(uuid.UUID(instance_id), part))[:-12]


def queue_uid(state: State, instance_id: str) -> str:
    """Return the uid of the queue as it is now."""
    return part_uid(instance_id, "queue", state.revisions.queue)


def status_of(state: State, instance_id: str, name: str) -> Status:
    """Return the status; time, uid and revision are empty, and set by the publisher when the content has changed.

    The bluesky keys describe the lane ``default``; every lane is described under ``lanes``.
    """
    lane = state.lane(DEFAULT_LANE)
    lanes = [lane_status(state, each) for each in state.lanes]
    shown = lanes[state.lanes.index(lane)] if len(lanes) > 1 else lanes[0]
    revisions = state.revisions
    exists = shown["worker_environment_exists"]

    def uid(part: str, revision: int) -> str:
        return part_uid(instance_id, part, revision)

    return {
        "msg": name,
        "time": "",
        "status_uid": "",
        "items_in_queue": lane.size,
        "items_in_history": state.history_size,
        "running_item_uid": shown["running_item_uid"],
        "manager_state": shown["manager_state"],
        "queue_stop_pending": lane.stop_pending,
        "queue_autostart_enabled": lane.autostart,
        "pause_pending": shown["pause_pending"],
        "worker_environment_exists": exists,
        "worker_background_tasks": shown["worker_background_tasks"],
        "worker_environment_state": shown["worker_state"],
        "re_state": shown["re_state"],  # type: ignore[typeddict-item]
        "ip_kernel_state": "disabled" if exists else None,
        "ip_kernel_captured": True if exists else None,
        "plan_queue_mode": shown["plan_queue_mode"],
        "lock": {"environment": state.lock.environment, "queue": state.lock.queue},
        "plan_queue_uid": queue_uid(state, instance_id),
        "plan_history_uid": uid("history", revisions.history),
        "run_list_uid": uid("runs", revisions.runs),
        "task_results_uid": uid("tasks", revisions.tasks),
        "plans_existing_uid": uid("plans_existing", revisions.plans_existing),
        "devices_existing_uid": uid("devices_existing", revisions.devices_existing),
        "plans_allowed_uid": uid("plans_allowed", revisions.plans_allowed),
        "devices_allowed_uid": uid("devices_allowed", revisions.devices_allowed),
        "lock_info_uid": uid("lock", revisions.lock),
        "epoch": state.epoch,
        "revision": 0,
        "lanes": lanes,
    }
