"""What must hold in every state: checked after every step under test, and at the start of the manager."""

from __future__ import annotations

from itertools import combinations

from queue_server.core.claims import Busy, are_disjoint, can_begin, find_holders
from queue_server.core.latch import is_latched
from queue_server.core.model import Lane, State


def violations(state: State) -> list[str]:
    """Return a sentence for every rule that ``state`` breaks; an empty list if it breaks none."""
    names = [lane.name for lane in state.lanes]
    found = [f"the lane {name!r} exists twice" for name in set(names) if names.count(name) > 1]
    if state.history_size < 0:
        found.append("the history has a negative size")
    for lane in state.lanes:
        found += [f"lane {lane.name!r}: {text}" for text in _lane_violations(lane, state.epoch)]
    return found + _claim_violations(state)


def _claim_violations(state: State) -> list[str]:
    running = [Busy(lane.name, lane.attempt.key.item_uid, lane.attempt.claims) for lane in state.lanes if lane.attempt]
    tasks = (task for lane in state.lanes for task in lane.tasks if task.moves)
    running += [Busy(task.lane, "", frozenset((task.device,)), task.uid) for task in tasks]
    found = [
        f"two of the lanes {one.lane!r} and {other.lane!r} run together and claim the same"
        for one, other in combinations(running, 2)
        if not are_disjoint(state, one, other)
    ]
    # The latch of an emergency stop frees a place in the line at once; who is next is asked with its record.
    if state.phase == "serving" and all(lane.estop is None or lane.estop.is_recorded for lane in state.lanes):
        found += [
            f"lane {lane.name!r}: it waits for nothing"
            for lane in state.lanes
            if lane.waiting
            and not lane.waiting.after
            and can_begin(lane)
            and not find_holders(state, lane.name, lane.waiting.claims)
        ]
    return found


def _lane_violations(lane: Lane, epoch: int) -> list[str]:
    worker, attempt = lane.worker, lane.attempt
    rules = {
        "the queue has a negative size": lane.size < 0,
        "a closed environment has a worker": worker.environment == "closed" and bool(worker.incarnation),
        "an environment has no worker": worker.environment != "closed" and not worker.incarnation,
        "it is not said what is waited for": worker.environment not in ("closed", "open") and worker.wait is None,
        "an attempt is open without an environment": attempt is not None and worker.environment == "closed",
        "an attempt is open while the environment opens": attempt is not None and worker.environment == "opening",
        "a queue runs without an attempt": lane.queue != "stopped" and attempt is None and lane.waiting is None,
        "it waits with a queue that does not start": lane.waiting is not None and lane.queue != "starting",
        "it waits beside an attempt": lane.waiting is not None and attempt is not None,
        "the store has not answered": lane.waiting is not None and lane.waiting.is_asked,
        "it waits although it is to stop": lane.waiting is not None and lane.stop_pending,
        "a queue is asked to stop that does not run": lane.stop_pending and lane.queue == "stopped",
        "a condition has no reason": lane.condition != "open" and not lane.reason,
        "an emergency stop is noted in a lane that is not stopped by it": lane.estop is not None
        and not is_latched(lane),
        "a lane that is stopped by an emergency stop starts by itself": is_latched(lane) and lane.autostart,
        "a task runs without an environment": bool(lane.tasks) and worker.environment in ("closed", "opening"),
        "a task runs twice": len({task.uid for task in lane.tasks}) != len(lane.tasks),
        "two tasks run in the foreground": sum(not task.in_background for task in lane.tasks) > 1,
        "a task runs in the foreground beside a queue": lane.foreground_task is not None and lane.queue != "stopped",
    }
    if attempt is not None:
        rules |= {
            "the attempt belongs to another lane": attempt.key.lane != lane.name,
            "the attempt has no number": attempt.key.number < 1,
            "the attempt comes from the future": attempt.key.epoch > epoch,
            "a cancelled plan is paused, and nothing ends it": bool(attempt.cancellation)
            and attempt.order is None
            and worker.re_state == "paused"
            and worker.stray is None,
            "a run is recorded twice": len({run.uid for run in attempt.runs}) != len(attempt.runs),
        }
    return [text for text, broken in rules.items() if broken]
