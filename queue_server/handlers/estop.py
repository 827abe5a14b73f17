"""Handlers of the emergency stop and of its reset."""

from __future__ import annotations

import logging

from msgspec import Struct

from queue_server.core.events import EstopRequested, EstopReset
from queue_server.core.latch import is_latched
from queue_server.core.model import Lane, State
from queue_server.engine.stopping import is_recorded
from queue_server.handlers.context import MemoryContext, TurnContext
from queue_server.handlers.group import group
from queue_server.protocol.methods.estop import EstopParams, EstopReply, EstopResetParams, EstopResetReply

_log = logging.getLogger(__name__)

_NOTES = {
    "awaited": "The worker has not answered yet.",
    "reported": "",
    "silent": "The worker did not report in time: it is not known what has stopped. Unless it comes to rest, it is "
    "killed.",
    "killed": "The worker was killed, for its devices could not be reached: it is not known what has stopped.",
    "none": "No environment is open, so no device was reached.",
}


class Stopping(Struct, frozen=True):
    """What an emergency stop orders, and how it is answered once the workers have reported."""

    events: tuple[EstopRequested, ...]

    @property
    def lanes(self) -> tuple[str, ...]:
        """The lanes that are stopped."""
        return tuple(event.lane for event in self.events)

    def reply(self, state: State) -> EstopReply:
        """Return what is known in ``state``."""
        lanes = [state.lane(name) for name in self.lanes]
        return EstopReply([_describe(lane) for lane in lanes], recorded=all(is_recorded(lane) for lane in lanes))


def stop_everything(context: MemoryContext, params: EstopParams) -> Stopping:
    """Order the stop of one lane, or of all.

    Raises:
        NotFoundError: there is no such lane.
        BusyError: the same person has repeated it too often; what is latched stays latched.
    """
    desk, state = context.desk, context.desk.state()
    lanes = state.lanes if params.lane is None else (state.lane(params.lane),)
    by = context.origin.user or params.user or ""
    # The first one is never refused, whoever has asked for how many.
    if all(is_latched(lane) for lane in lanes):
        desk.repeats.admit(by)
    _log.warning("EMERGENCY STOP by %s: %s", by or "somebody", params.reason)
    now = desk.clock.wall()
    return Stopping(tuple(EstopRequested(lane.name, by, params.reason, now, desk.stop_limits) for lane in lanes))


def reset(context: TurnContext, params: EstopResetParams) -> EstopResetReply:
    """Release one lane, or all that are latched.

    Raises:
        NotFoundError: there is no such lane.
        StateError: the emergency stop is still under way.
    """
    turn = context.turn
    lanes = turn.state.lanes if params.lane is None else (turn.state.lane(params.lane),)
    released = [lane.name for lane in lanes if is_latched(lane)]
    for name in released:
        was = turn.state.lane(name)
        turn.apply(EstopReset(name))
        data = {"reason": params.reason, "stopped_because": was.reason}
        turn.record(context.method, lane=name, origin=context.origin, data=data)
    if released:
        _log.warning("The emergency stop is reset by %s: %s", context.origin.user or "somebody", params.reason)
    return EstopResetReply(released)


def _describe(lane: Lane) -> dict[str, object]:
    estop = lane.estop
    answer = "none" if estop is None else estop.answer
    known: dict[str, object] = {"stopped": [], "failed": [], "not_reached": [], "omitted": 0}
    if estop is not None and estop.report is not None:
        known = estop.report.model_dump(exclude={"kind", "order"}, mode="json")
    return {"lane": lane.name, "answer": answer, "note": _NOTES[answer], **known}


GROUP = group(motion={"estop": stop_everything}, turn={"estop_reset": reset})
