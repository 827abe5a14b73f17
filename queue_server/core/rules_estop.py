"""Rules for the emergency stop: latch, order, listen, kill by deadline, release.

A latched lane starts nothing, whatever anybody asks for. It stays latched beyond the end of its worker and of the
manager, until a person resets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.claims import leave_line
from queue_server.core.effects import Effect
from queue_server.core.events import (
    EstopDeadlinePassed,
    EstopRecorded,
    EstopReported,
    EstopRequested,
    EstopReset,
    OrdersWithheld,
)
from queue_server.core.latch import is_latched, is_settled, order_stop, withheld
from queue_server.core.model import Estop, Lane, State
from queue_server.core.rules_environment import kill
from queue_server.core.rules_task import lose_tasks
from queue_server.core.rules_worker import end_attempt
from queue_server.protocol.errors import StateError

Outcome = tuple[State, tuple[Effect, ...]]


def latch(state: State, event: EstopRequested) -> Outcome:
    """Latch the lane and order its worker to stop; a repeat orders it again, and keeps who was first and why."""
    lane = leave_line(state.lane(event.lane))
    if is_latched(lane) and lane.estop is not None:
        estop = replace(lane.estop, number=lane.estop.number + 1, answer="awaited", report=None)
        lane = replace(lane, estop=estop)
    else:
        estop = Estop(event.by, event.at, event.limits)
        lane = replace(lane, condition="estopped", reason=event.reason, estop=estop)
    # A pause that was ordered before would only be in the way.
    attempt = None if lane.attempt is None else replace(lane.attempt, order=None, order_sent=False, cancellation="")
    return _order(state, replace(lane, attempt=attempt, autostart=False), event.at)


def _order(state: State, lane: Lane, at: float) -> Outcome:
    environment = lane.worker.environment
    if environment in ("open", "closing"):
        return state.with_lane(lane), order_stop(lane)
    if environment == "closed":
        return state.with_lane(_answered(lane, "none")), ()
    # Whatever startup code moves, nobody can ask it to stop.
    return kill(state, _answered(lane, "killed"), at)


def _answered(lane: Lane, answer: Any) -> Lane:
    return lane if lane.estop is None else replace(lane, estop=replace(lane.estop, answer=answer))


def note_recorded(state: State, event: EstopRecorded) -> Outcome:
    """Note that the latch is committed with this state."""
    lane = state.lane(event.lane)
    if lane.estop is None:
        return state, ()
    return state.with_lane(replace(lane, estop=replace(lane.estop, is_recorded=True))), ()


def hear_report(state: State, event: EstopReported) -> Outcome:
    """Keep what the worker has stopped.

    Raises:
        StateError: it answers another order than the last one, or that has been answered before.
    """
    lane = state.lane(event.lane)
    is_ours = lane.worker.incarnation == event.incarnation and lane.worker.environment != "closed"
    is_first = lane.estop is not None and lane.estop.answer != "reported"
    if lane.estop is None or not is_ours or not is_first or lane.estop.number != event.report.order:
        raise StateError(f"late: the lane {lane.name!r} waits for no such report of an emergency stop")
    estop = replace(lane.estop, answer="reported", report=event.report)
    return state.with_lane(replace(lane, estop=estop)), ()


def pass_deadline(state: State, event: EstopDeadlinePassed) -> Outcome:
    """Go on without the report; kill a worker that has not come to rest."""
    lane = state.lane(event.lane)
    estop = lane.estop
    if estop is None or estop.at != event.latched_at:
        return state, ()
    if event.what == "report":
        is_missing = estop.number == event.number and estop.answer == "awaited"
        return state.with_lane(_answered(lane, "silent") if is_missing else lane), ()
    if is_settled(lane):
        return state, ()
    return kill(state, lane if estop.answer == "reported" else _answered(lane, "killed"), event.at)


def withhold(state: State, event: OrdersWithheld) -> Outcome:
    """End what was claimed for a lane and never left, because its emergency stop came first."""
    lane = state.lane(event.lane)
    why = f"The emergency stop came before the task was started: {lane.reason}"
    state, effects = lose_tasks(state, lane, event.tasks, why, event.at)
    lane = state.lane(event.lane)
    if lane.attempt is None or lane.attempt.key != event.key:
        return state, effects
    state, more = end_attempt(state, lane, lane.attempt, withheld(lane, lane.attempt))
    return state, effects + more


def release(state: State, event: EstopReset) -> Outcome:
    """Open the lane again; nothing starts by that.

    Raises:
        StateError: the emergency stop is still under way.
    """
    lane = state.lane(event.lane)
    if not is_latched(lane):
        return state, ()
    if not is_settled(lane):
        raise StateError(
            f"The emergency stop of the lane {lane.name!r} is still under way: its worker has not come to rest. "
            "Wait until it has, or until it is killed at its deadline."
        )
    return state.with_lane(replace(lane, condition="open", reason="", estop=None)), ()


RULES: Mapping[type, Any] = {
    EstopRequested: latch,
    EstopRecorded: note_recorded,
    EstopReported: hear_report,
    EstopDeadlinePassed: pass_deadline,
    OrdersWithheld: withhold,
    EstopReset: release,
}
