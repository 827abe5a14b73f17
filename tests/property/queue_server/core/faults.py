"""What may never happen: sentences about a world, and about one step from a world to the next."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import fields

from queue_server.core import effects
from queue_server.core.invariants import violations
from queue_server.core.model import Lane, Revisions, State
from queue_server.protocol.worker_link import RunTask
from tests.property.queue_server.core.world import Rows, Trace, World

_PARTS = tuple(part.name for part in fields(Revisions))


def find_state_faults(world: World) -> list[str]:
    """Return a sentence for everything that is wrong with a world."""
    found = violations(world.state)
    for lane in world.state.lanes:
        rows, attempt = world.of(lane.name), lane.attempt
        row = rows.running
        shown = (attempt.key, attempt.phase, attempt.runs) if attempt else None
        written = (row.key, row.phase, row.runs) if row else None
        if shown != written:
            found.append(f"the state shows the attempt {shown}, the store has {written}")
        if lane.tasks != rows.tasks:
            found.append(f"the state shows the tasks {lane.tasks}, the store has {rows.tasks}")
        if lane.size != len(rows.queue):
            found.append(f"the state counts {lane.size} items, the store has {len(rows.queue)}")
    return found


def find_step_faults(before: World, after: World, trace: Trace) -> list[str]:
    """Return a sentence for everything that is wrong with a step."""
    found = [*_judge_revisions(before, after), *_judge_latch(before.state, after.state, trace)]
    for lane in after.state.lanes if trace.orders or trace.finished else ():
        found += _judge_dispatch(before.state, after.state, lane, trace)
        found += _judge_ending(lane, after.of(lane.name), trace)
    return found


def _judge_latch(was: State, now: State, trace: Trace) -> Iterator[str]:
    for lane in was.lanes:
        if lane.condition != "estopped":
            continue
        after = now.lane(lane.name)
        if any(key.lane == lane.name for key in trace.dispatched):
            yield "a plan is dispatched in a lane that is latched"
        if after.condition != "estopped" and after.estop is None and (trace.orders or trace.claimed):
            yield "the release of an emergency stop has started something"
        if any(_starts_something(order, lane) for order in trace.orders):
            yield "something is started in a lane that is latched"


def _starts_something(order: effects.OuterEffect, lane: Lane) -> bool:
    if isinstance(order, effects.StartWorker):
        return order.lane == lane.name
    if not isinstance(order, effects.Send) or order.incarnation != lane.worker.incarnation:
        return False
    return isinstance(order.message, RunTask) or getattr(order.message, "option", "") == "resume"


def _judge_revisions(before: World, after: World) -> Iterator[str]:
    was, now = before.state.revisions, after.state.revisions
    raised = {part: getattr(now, part) - getattr(was, part) for part in _PARTS}
    if min(raised.values()) < 0:
        yield "a revision has decreased"
    if before.state.history_size != after.state.history_size and not raised["history"]:
        yield "the history has changed, and its revision has not"
    for old, new in zip(before.rows, after.rows, strict=True):
        if old is new:
            continue
        if (old.queue, _running_uid(old)) != (new.queue, _running_uid(new)) and not raised["queue"]:
            yield "the queue or the running item has changed, and the revision of the queue has not"
        if any(task not in new.tasks for task in old.tasks) and not raised["tasks"]:
            yield "a task has ended, and the revision of the tasks has not changed"
        if _runs(old) != _runs(new) and not raised["runs"]:
            yield "the list of runs has changed, and its revision has not"


def _running_uid(rows: Rows) -> str | None:
    return rows.running.key.item_uid if rows.running else None


def _runs(rows: Rows) -> object:
    return rows.running.runs if rows.running else ()


def _judge_dispatch(was: State, now: State, lane: Lane, trace: Trace) -> Iterator[str]:
    sent = [key for key in trace.dispatched if key.lane == lane.name]
    claimed = [key for key in trace.claimed if key.lane == lane.name]
    again = [key for key in trace.again if key.lane == lane.name]
    earlier = was.lane(lane.name).attempt
    if len(sent) > 1:
        yield "two attempts are dispatched at once"
    if sorted(claimed + again, key=str) != sorted(sent, key=str):
        yield "an attempt is dispatched that was not claimed, or the other way round"
    if sent and (lane.attempt is None or lane.attempt.key not in sent):
        yield "what is dispatched is not the open attempt"
    if claimed and earlier is not None and earlier.key not in [finish.key for finish in trace.finished]:
        yield "an attempt begins while another is open"
    if again and (earlier is None or earlier.key not in again or earlier.phase != "dispatched"):
        yield "an attempt is dispatched again that a worker has confirmed"
    if sent and lane.worker.environment != "open":
        yield f"a plan is dispatched to an environment that is {lane.worker.environment}"
    if sent and now.phase not in ("recovering", "serving"):
        yield f"a plan is dispatched by a manager that is {now.phase}"


def _judge_ending(lane: Lane, rows: Rows, trace: Trace) -> Iterator[str]:
    unknown = [end for end in trace.finished if end.result.outcome == "unknown" and end.key.lane == lane.name]
    if not unknown:
        return
    if any(key.lane == lane.name for key in trace.dispatched) or lane.queue != "stopped":
        yield "the queue goes on after an unknown outcome"
    if lane.autostart:
        yield "autostart is on after an unknown outcome"
    # An item that was executed beside the queue never comes back into it.
    if unknown[0].copy == "none":
        return
    if not rows.queue or not rows.queue[0].hold_reason:
        yield "there is no held copy at the front after an unknown outcome"
    if lane.condition not in ("held", "estopped"):
        yield "the lane is not held after an unknown outcome"
