"""Rules for lanes whose worker connects by itself, such as that of a scanner: nobody here starts or ends it.

Such a lane comes and goes while the manager runs. Its queue starts by itself whenever its worker is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.effects import Effect, Send
from queue_server.core.events import LaneAdded, LaneRemoved, WorkerConnected, WorkerExited
from queue_server.core.model import Lane, State, Wait, Worker
from queue_server.core.rules_environment import AWAITED_DEVICE
from queue_server.core.rules_queue import stopped
from queue_server.core.rules_worker import connect, exit_worker
from queue_server.protocol.dismissal import REPLACED
from queue_server.protocol.errors import ConflictError, StateError
from queue_server.protocol.worker_link import Dismiss, Hello

Outcome = tuple[State, tuple[Effect, ...]]


def add(state: State, event: LaneAdded) -> Outcome:
    """Add an empty lane whose worker connects by itself.

    Raises:
        ConflictError: there is a lane of that name.
    """
    if any(lane.name == event.lane for lane in state.lanes):
        raise ConflictError(f"There is a lane {event.lane!r} already.")
    lane = Lane(event.lane, is_remote=True, autostart=True, on_failure="hold")
    return replace(state, lanes=(*state.lanes, lane)), ()


def remove(state: State, event: LaneRemoved) -> Outcome:
    """Take the lane away, or hold it for good where items are left in it; its worker is dismissed.

    Raises:
        StateError: an item runs in it, and that is not to be given up, or the lane is one of the settings.
    """
    lane = state.lane(event.lane)
    if not lane.is_remote:
        raise StateError(f"The lane {lane.name!r} is one of the settings; take it out of those (lanes).")
    if lane.attempt is not None and not event.is_forced:
        raise StateError(
            f"The item {lane.attempt.key.item_uid} is active in the lane {lane.name!r}. Wait, or give it up.",
            details={"item_uid": lane.attempt.key.item_uid},
        )
    is_given_up = lane.attempt is not None
    state, effects = _let_go(state, lane, event.reason, event.at)
    lane = state.lane(event.lane)
    # The held copy of what is given up needs the lane, too.
    if lane.size or is_given_up:
        held = replace(stopped(lane), condition="held", reason=event.reason, autostart=False)
        return state.with_lane(held), effects
    return replace(state, lanes=tuple(each for each in state.lanes if each is not lane)), effects


def welcome(state: State, event: WorkerConnected) -> Outcome:
    """Adopt a worker; in a lane whose worker connects by itself the newest one takes the place of any other."""
    hello = event.hello
    lane = next((each for each in state.lanes if each.name == hello.lane and each.is_remote), None)
    if lane is None or lane.worker.incarnation == hello.incarnation:
        return connect(state, event)
    is_adopted = lane.attempt is not None and hello.attempt == lane.attempt.key
    effects: tuple[Effect, ...] = ()
    if not is_adopted:
        state, effects = _let_go(state, lane, REPLACED, event.at)
        lane = state.lane(lane.name)
    state, more = connect(state.with_lane(replace(lane, worker=_take_seat(hello, event.at))), event)
    return state, effects + more


def _take_seat(hello: Hello, at: float) -> Worker:
    if hello.environment == "open":
        return Worker("open", hello.incarnation)
    return Worker("opening", hello.incarnation, wait=Wait(AWAITED_DEVICE, at))


def _let_go(state: State, lane: Lane, reason: str, at: float) -> Outcome:
    """Return the state without the worker of a lane; what it was doing has an unknown outcome."""
    incarnation = lane.worker.incarnation
    if not incarnation:
        return state, ()
    state, effects = exit_worker(state, WorkerExited(lane.name, incarnation, reason, at))
    return state, (*effects, Send(incarnation, Dismiss(reason=reason)))


RULES: Mapping[type, Any] = {LaneAdded: add, LaneRemoved: remove, WorkerConnected: welcome}
