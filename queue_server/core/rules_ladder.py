"""Rules for an order to end a plan that its worker does not obey: abort, then halt, then the end of the process.

Only a worker that does not answer is driven on, and only after a person has ordered the end. One that answers may take
as long as it needs to clean up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.effects import Effect, KillWorker, Remind, Send
from queue_server.core.events import OrderDeadlinePassed
from queue_server.core.latch import is_latched
from queue_server.core.model import ENDS, Lane, State
from queue_server.protocol.worker_link import Continue

Outcome = tuple[State, tuple[Effect, ...]]

PATIENCE_S = 3.0
"""How long a worker that does not answer has for each step."""


def remind_of_order(lane: Lane) -> tuple[Effect, ...]:
    """Return the deadline of an order to end, if the worker that has it does not answer."""
    attempt = lane.attempt
    if attempt is None or attempt.order not in ENDS or lane.worker.answering or is_latched(lane):
        return ()
    return (Remind(PATIENCE_S, OrderDeadlinePassed(lane.name, attempt.key, attempt.order, attempt.order_since)),)


def pass_deadline(state: State, event: OrderDeadlinePassed) -> Outcome:
    """Take the next step, unless the order was obeyed, replaced, or the worker answers again."""
    lane = next((lane for lane in state.lanes if lane.name == event.lane), None)
    attempt = None if lane is None else lane.attempt
    if lane is None or attempt is None or attempt.key != event.key or not remind_of_order(lane):
        return state, ()
    if (attempt.order, attempt.order_since) != (event.order, event.order_since):
        return state, ()
    if event.order == "halt":
        # Nobody knows what the hardware does: the exit of the process makes the outcome unknown.
        return state, (KillWorker(lane.name, lane.worker.incarnation),)
    lane = replace(lane, attempt=replace(attempt, order="halt", order_since=event.at))
    send = Send(lane.worker.incarnation, Continue(attempt=attempt.key, option="halt"))
    return state.with_lane(lane), (send, *remind_of_order(lane))


RULES: Mapping[type, Any] = {OrderDeadlinePassed: pass_deadline}
