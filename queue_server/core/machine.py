"""The state machine: ``step(state, event)`` returns the next state and what is to be done.

Two rules hold everywhere. An event that does not fit the state raises and changes nothing. Nothing else than a step
changes the state.

The environment of a lane goes round one circle, and a queue runs only while it is open::

    closed ──open requested──▶ opening ──opened──▶ open ──close requested──▶ closing ──exited──▶ closed
                                  │                  │                          │
                                  └──── destroy requested: destroying ◀─────────┘   (any exit ends in closed)

The queue of a lane is stopped, starting (its first item is dispatched, or its next one waits for what it claims) or
running, and an attempt goes dispatched → acknowledged → running → finished. Between two items of a running queue there
is no other state, unless the next one has to wait: the end of one attempt and the claim of the next are one step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from queue_server.core import (
    locks,
    rules_environment,
    rules_estop,
    rules_ladder,
    rules_lane,
    rules_queue,
    rules_remote,
    rules_run,
    rules_task,
    rules_worker,
)
from queue_server.core.claims import ask_waiting
from queue_server.core.effects import Effect
from queue_server.core.events import (
    ContinueRequested,
    EstopDeadlinePassed,
    EstopReported,
    EstopRequested,
    Event,
    OrderDeadlinePassed,
    PauseRequested,
)
from queue_server.core.model import State


class Step(Struct, frozen=True):
    """The state after an event, and what it orders."""

    state: State
    effects: tuple[Effect, ...] = ()


Rule = Callable[[State, Any], tuple[State, tuple[Effect, ...]]]

RULES: Mapping[type, Rule] = {
    **rules_environment.RULES,
    **rules_queue.RULES,
    **rules_run.RULES,
    **rules_worker.RULES,
    **rules_remote.RULES,
    **rules_lane.RULES,
    **rules_task.RULES,
    **rules_estop.RULES,
    **rules_ladder.RULES,
    **locks.RULES,
}


_ORDERS = (
    PauseRequested,
    ContinueRequested,
    OrderDeadlinePassed,
    EstopRequested,
    EstopReported,
    EstopDeadlinePassed,
)
"""What is stepped at once, before the turn that records it."""


def step(state: State, event: Event) -> Step:
    """Return what ``event`` makes of ``state``.

    Raises:
        RefusedError: the event does not fit the state; the message says why and what would help.
    """
    state, effects = RULES[type(event)](state, event)
    # Nothing can be claimed outside of a turn; the record of the order follows in one.
    state, asked = (state, ()) if isinstance(event, _ORDERS) else ask_waiting(state)
    state, more = rules_queue.start_by_itself(state)
    return Step(state, effects + asked + more)
