"""What an emergency stop needs around a turn: its record, what must not leave any more, and the wait for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from queue_server.core.effects import Dispatch, OuterEffect, Send
from queue_server.core.events import (
    EstopDeadlinePassed,
    EstopRecorded,
    EstopReported,
    EstopRequested,
    OrdersWithheld,
)
from queue_server.core.latch import is_latched
from queue_server.core.model import Lane, State
from queue_server.engine.turn import Turn
from queue_server.protocol.items import Origin
from queue_server.protocol.worker_link import RunTask

RECORD_S = 0.3
"""How long an answer that is complete waits for its record, so that it can say that there is one."""


class Watched(Protocol):
    """Whoever shows the state."""

    async def wait_until(self, condition: Callable[[State], bool]) -> None:
        """Wait until the state that is shown meets ``condition``."""
        ...


def record_stop(turn: Turn, event: EstopRequested | EstopReported | EstopDeadlinePassed, origin: Origin) -> None:
    """Write into the event log what has happened already; with an order the latch is committed."""
    attempt = turn.state.lane(event.lane).attempt
    key = attempt.key if attempt else None
    if isinstance(event, EstopRequested):
        turn.apply(EstopRecorded(event.lane))
        turn.record("estop", key=key, lane=event.lane, origin=origin, data={"reason": event.reason, "by": event.by})
    elif isinstance(event, EstopReported):
        report = event.report.model_dump(exclude={"kind"})
        turn.record("estop_reported", key=key, lane=event.lane, data=report)
    else:
        turn.record("estop_deadline", key=key, lane=event.lane, data={"number": event.number, "what": event.what})


def hold_back(
    state: State, before: State, orders: Iterable[OuterEffect], now: float
) -> tuple[list[OuterEffect], list[OrdersWithheld]]:
    """Return the orders that may leave in ``state``, and what becomes of the others: starts in latched lanes.

    An attempt that was open ``before`` is sent again. What the worker knows of it is not certain, so that it stays
    open: the worker reports its end, or is killed at the deadline, and what it has written down is read.
    """
    latched = {lane.name: lane for lane in state.lanes if is_latched(lane)}
    incarnations = {lane.worker.incarnation: lane.name for lane in latched.values()}
    leaving: list[OuterEffect] = []
    withheld: list[OrdersWithheld] = []
    for order in orders:
        if isinstance(order, Dispatch) and order.key.lane in latched:
            earlier = before.lane(order.key.lane).attempt
            if earlier is None or earlier.key != order.key:
                withheld.append(OrdersWithheld(order.key.lane, order.key, (), now))
        elif isinstance(order, Send) and isinstance(order.message, RunTask) and order.incarnation in incarnations:
            lane = incarnations[order.incarnation]
            withheld.append(OrdersWithheld(lane, None, (order.message.task_uid,), now))
        else:
            leaving.append(order)
    return leaving, withheld


async def wait_for_answers(engine: Watched, names: Sequence[str]) -> None:
    """Wait until every lane has answered or its deadline has passed, and a moment more for the record."""
    await engine.wait_until(lambda state: all(has_answered(state.lane(name)) for name in names))
    try:
        async with asyncio.timeout(RECORD_S):
            await engine.wait_until(lambda state: all(is_recorded(state.lane(name)) for name in names))
    except TimeoutError:
        return


def has_answered(lane: Lane) -> bool:
    """Whether nothing more is to be heard of an emergency stop, for now; a lane that was released is past that."""
    return lane.estop is None or lane.estop.answer != "awaited"


def is_recorded(lane: Lane) -> bool:
    """Whether the latch is committed."""
    return lane.estop is None or lane.estop.is_recorded
