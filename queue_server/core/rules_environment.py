"""Rules for opening, closing and destroying an environment, and for the end of the manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.claims import ask_waiting, leave_line
from queue_server.core.effects import Effect, EndProcess, KillWorker, Send, StartWorker
from queue_server.core.events import (
    EnvironmentCloseRequested,
    EnvironmentDestroyRequested,
    EnvironmentOpenRequested,
    RecoveryFinished,
    StopRequested,
)
from queue_server.core.latch import remind_of_end, require_released
from queue_server.core.model import Lane, State, Wait, Worker
from queue_server.protocol.errors import StateError
from queue_server.protocol.worker_link import Close

Outcome = tuple[State, tuple[Effect, ...]]

WAITS: Mapping[str, str] = {
    "opening": "the worker to load the startup code",
    "closing": "the worker to close",
    "destroying": "the worker process to end",
}
"""What is waited for while an environment is neither open nor closed."""
AWAITED_DEVICE = "the device to be ready"
"""The same where the worker has connected by itself."""


def finish_recovery(state: State, _: RecoveryFinished) -> Outcome:
    """Begin to serve; an emergency stop of the manager before is seen through, and lanes that wait are asked for."""
    reminders = tuple(reminder for lane in state.lanes for reminder in remind_of_end(lane))
    if state.phase != "recovering":
        return state, reminders
    state, asked = ask_waiting(replace(state, phase="serving"), anew=True)
    return state, reminders + asked


def open_environment(state: State, event: EnvironmentOpenRequested) -> Outcome:
    """Start a worker for the lane."""
    require_serving(state)
    lane = state.lane(event.lane)
    _require_local(lane)
    if lane.worker.environment == "opening":
        raise StateError("The environment is being opened already; wait for it, or destroy it.")
    if lane.worker.environment != "closed":
        raise StateError("RE Worker environment already exists.", details={"environment": lane.worker.environment})
    require_released(lane)
    worker = Worker("opening", event.incarnation, wait=Wait(WAITS["opening"], event.at))
    return state.with_lane(replace(lane, worker=worker)), (StartWorker(lane.name, event.incarnation),)


def close_environment(state: State, event: EnvironmentCloseRequested) -> Outcome:
    """Ask the worker to end."""
    require_serving(state)
    _require_local(state.lane(event.lane))
    lane = require_environment(state, event.lane)
    if not lane.is_idle:
        raise StateError("RE Manager must be in idle state: end the running plan first, or destroy the environment.")
    if lane.moving is not None:
        raise StateError(
            f"The task {lane.moving.uid} moves the device {lane.moving.device!r}: wait until it has ended, or stop it "
            "(device_stop)."
        )
    return close_idle(state, lane, event.at)


def close_idle(state: State, lane: Lane, at: float) -> Outcome:
    """Return the state in which the worker of an idle lane is told to close."""
    worker = replace(lane.worker, environment="closing", wait=Wait(WAITS["closing"], at))
    return state.with_lane(replace(lane, worker=worker)), (Send(worker.incarnation, Close()),)


def destroy_environment(state: State, event: EnvironmentDestroyRequested) -> Outcome:
    """Kill the worker; what becomes of its attempt is decided when its exit is seen."""
    require_serving(state)
    lane = state.lane(event.lane)
    if lane.worker.environment == "closed":
        raise StateError("Environment does not exist: there is nothing to destroy.")
    return kill(state, lane, event.at)


def kill(state: State, lane: Lane, at: float) -> Outcome:
    """Return the state in which the worker of a lane is being killed."""
    worker = replace(lane.worker, environment="destroying", wait=Wait(WAITS["destroying"], at))
    return state.with_lane(replace(lane, worker=worker)), (KillWorker(lane.name, worker.incarnation),)


def stop(state: State, event: StopRequested) -> Outcome:
    """Stop serving: close the idle environments, kill or leave the others; end when nothing is left to wait for."""
    # A worker that hangs while it closes can still be killed.
    if state.phase == "stopped" or (state.phase == "stopping" and event.workers != "kill"):
        raise StateError("The manager is stopping already.")
    state = replace(state, phase="stopping")
    effects: tuple[Effect, ...] = ()
    for lane in state.lanes:
        state, more = _let_go(state, lane, event)
        effects += more
    return end_if_stopped(state, effects)


def _let_go(state: State, lane: Lane, event: StopRequested) -> Outcome:
    # A worker that has connected by itself waits for the next manager.
    if lane.worker.environment in ("closed", "destroying") or lane.is_remote:
        return state, ()
    # A worker whose lane waits has nothing to finish.
    lane = leave_line(lane)
    if lane.is_idle and lane.worker.connected and lane.moving is None:
        return close_idle(state, lane, event.at)
    # A worker that still loads its startup code has moved nothing yet; a busy one is left to finish its plan.
    if event.workers == "kill" or lane.worker.environment == "opening":
        return kill(state, lane, event.at)
    return state, ()


def end_if_stopped(state: State, effects: tuple[Effect, ...]) -> Outcome:
    """Return the same, with the end of the process added once a stopping manager waits for no worker."""
    waiting = any(lane.worker.environment in ("closing", "destroying") for lane in state.lanes)
    if state.phase != "stopping" or waiting:
        return state, effects
    return replace(state, phase="stopped"), (*effects, EndProcess())


def require_serving(state: State) -> None:
    """Refuse while the manager recovers or stops.

    Raises:
        StateError: it does.
    """
    if state.phase == "recovering":
        raise StateError("The manager is starting and looks for workers of the last epoch; repeat in a moment.")
    if state.phase != "serving":
        raise StateError("The manager is stopping.")


def _require_local(lane: Lane) -> None:
    if lane.is_remote:
        raise StateError(
            f"The worker of the lane {lane.name!r} connects by itself; it is neither opened nor closed from here. "
            "To give up what it does, destroy the environment (environment_destroy)."
        )


def require_environment(state: State, name: str) -> Lane:
    """Return a lane whose environment is open.

    Raises:
        StateError: it is not; the message says what it is.
    """
    lane = state.lane(name)
    if lane.worker.environment == "closed" and lane.is_remote:
        raise StateError(f"The device of the lane {name!r} is not connected. Its queue starts as soon as it is.")
    if lane.worker.environment == "closed":
        raise StateError("RE Worker environment does not exist: open it first (environment_open).")
    if lane.worker.environment != "open":
        raise StateError(f"The environment is {lane.worker.environment}; wait until it is open.")
    return lane


RULES: Mapping[type, Any] = {
    RecoveryFinished: finish_recovery,
    EnvironmentOpenRequested: open_environment,
    EnvironmentCloseRequested: close_environment,
    EnvironmentDestroyRequested: destroy_environment,
    StopRequested: stop,
}
