"""Rules for starting and stopping a queue, its mode, and what the store says about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.after import ask_followers, describe
from queue_server.core.claims import ask_again, find_holders, names_in, put_in_line
from queue_server.core.effects import ClaimNext, Dispatch, Effect
from queue_server.core.events import (
    AutostartSet,
    CatalogChanged,
    ExecuteRequested,
    HistoryChanged,
    InstructionReached,
    ItemBlocked,
    ItemClaimed,
    ModeSet,
    PermissionsChanged,
    QueueChanged,
    QueueExhausted,
    QueueStartRequested,
    QueueStopCancelled,
    QueueStopRequested,
)
from queue_server.core.latch import require_released
from queue_server.core.model import Attempt, Lane, State, Waiting
from queue_server.core.rules_environment import require_environment, require_serving
from queue_server.core.view import is_paused
from queue_server.protocol.errors import StateError

Outcome = tuple[State, tuple[Effect, ...]]


def start(state: State, event: QueueStartRequested) -> Outcome:
    """Claim the first item."""
    require_serving(state)
    lane = require_environment(state, event.lane)
    if not lane.is_idle:
        raise StateError("RE Manager must be in idle state: the queue or a task is running already.")
    require_released(lane)
    lane = replace(lane, queue="starting", condition="open", reason="")
    return state.with_lane(lane), (ClaimNext(lane.name),)


def start_by_itself(state: State) -> Outcome:
    """Start every queue with autostart that may run now; asked after each event, so that no cause is forgotten."""
    effects: tuple[Effect, ...] = ()
    for lane in state.lanes:
        is_ready = lane.worker.environment == "open" and lane.is_idle and lane.condition == "open" and lane.size > 0
        if lane.autostart and is_ready and state.phase == "serving":
            state = state.with_lane(replace(lane, queue="starting"))
            effects += (ClaimNext(lane.name),)
    return state, effects


def set_autostart(state: State, event: AutostartSet) -> Outcome:
    """Switch autostart."""
    lane = state.lane(event.lane)
    if event.is_enabled:
        require_released(lane)
    return state.with_lane(replace(lane, autostart=event.is_enabled)), ()


def execute(state: State, event: ExecuteRequested) -> Outcome:
    """Claim the item that was put to the front for this, and nothing after it; or do what the instruction says."""
    require_serving(state)
    lane = require_environment(state, event.lane)
    if not lane.is_idle:
        raise StateError("RE Manager must be in idle state: an item is running already.")
    require_released(lane)
    if event.instruction:
        return obey_instruction(state, InstructionReached(event.lane, event.instruction))
    lane = replace(lane, queue="starting", size=lane.size + 1)
    return state.with_lane(lane), (ClaimNext(lane.name, is_immediate=True),)


def request_stop(state: State, event: QueueStopRequested) -> Outcome:
    """Remember that the queue is to stop after the running item."""
    lane = state.lane(event.lane)
    if lane.queue == "stopped":
        raise StateError("The queue is not running, so it cannot be stopped.")
    if is_paused(lane):
        raise StateError("The plan is paused, so the queue is not running. Resume or end the plan first.")
    if lane.waiting is not None:
        # There is no running item that it could stop after.
        return state.with_lane(stopped(replace(lane, autostart=False))), ()
    return state.with_lane(replace(lane, stop_pending=True)), ()


def cancel_stop(state: State, event: QueueStopCancelled) -> Outcome:
    """Forget the request to stop, if there is one."""
    return state.with_lane(replace(state.lane(event.lane), stop_pending=False)), ()


def set_mode(state: State, event: ModeSet) -> Outcome:
    """Change what happens after an item."""
    lane = replace(state.lane(event.lane), loop=event.loop, ignore_failures=event.ignore_failures)
    return state.with_lane(lane), ()


def change_queue(state: State, event: QueueChanged) -> Outcome:
    """Count the items of the queue; if it waits, it may now be for another item, and others may wait for its items."""
    lane = state.lane(event.lane)
    lane = replace(lane, size=lane.size + event.added)
    state, asked = ask_again(state.with_lane(lane).bump("queue"), lane)
    state, more = ask_followers(state, event.lane)
    return state, asked + more


def change_history(state: State, event: HistoryChanged) -> Outcome:
    """Count the entries of the history; an entry that has changed may be of an item that others come after."""
    state = replace(state, history_size=state.history_size + event.added).bump("history")
    # Where there is a new one, the change of its queue follows, with the copy that it leaves.
    return (state, ()) if event.added > 0 else ask_followers(state)


def begin_attempt(state: State, event: ItemClaimed) -> Outcome:
    """Send the claimed item to the worker once its start is committed."""
    lane = state.lane(event.key.lane)
    if lane.attempt is not None or lane.queue == "stopped":
        raise StateError(f"No item can be started in the lane {lane.name!r} now.")
    attempt = Attempt(event.key, event.at, is_immediate=event.is_immediate, claims=event.claims)
    lane = replace(lane, attempt=attempt, size=lane.size - 1, waiting=None)
    dispatch = Dispatch(event.key, event.item, names_in(state, lane.name, event.claims))
    return state.with_lane(lane).bump("queue"), (dispatch,)


def wait_for_others(state: State, event: ItemBlocked) -> Outcome:
    """Let the queue wait until its head may begin.

    Raises:
        StateError: the item was to run at once.
    """
    if event.is_immediate and event.after:
        raise StateError(f"The item cannot run at once, but has to wait for {'; '.join(map(describe, event.after))}.")
    if event.is_immediate:
        holders = find_holders(state, event.lane, event.claims)
        whose = ", ".join(f"{each.claim!r} ({each.work} of the lane {each.lane!r})" for each in holders)
        raise StateError(f"The item cannot run at once, because others claim what it needs: {whose}.")
    waiting = Waiting(event.item_uid, event.claims, event.at, after=event.after)
    return state.with_lane(put_in_line(state, state.lane(event.lane), waiting)), ()


def obey_instruction(state: State, event: InstructionReached) -> Outcome:
    """Do what the instruction says; the only one is to stop the queue."""
    return state.with_lane(replace(stopped(state.lane(event.lane)), autostart=False)), ()


def exhaust(state: State, event: QueueExhausted) -> Outcome:
    """Stop the queue, for nothing is left that may run."""
    lane = stopped(state.lane(event.lane))
    if event.held_reason:
        lane = replace(lane, condition="held", reason=event.held_reason)
    elif lane.size > 0:
        # The store knows better; autostart must not ask it for ever.
        lane = replace(lane, autostart=False)
    return state.with_lane(lane), ()


def change_catalog(state: State, event: CatalogChanged) -> Outcome:
    """Raise the numbers of the lists that changed."""
    parts = ("plans_existing", "plans_allowed") if event.plans else ()
    parts += ("devices_existing", "devices_allowed") if event.devices else ()
    return state.bump(*parts), ()


def change_permissions(state: State, _: PermissionsChanged) -> Outcome:
    """Raise the numbers of the lists of allowed plans and devices."""
    return state.bump("plans_allowed", "devices_allowed"), ()


def stopped(lane: Lane) -> Lane:
    """Return the lane with its queue stopped; a request to stop is thereby met."""
    return replace(lane, queue="stopped", stop_pending=False, waiting=None)


RULES: Mapping[type, Any] = {
    QueueStartRequested: start,
    AutostartSet: set_autostart,
    ExecuteRequested: execute,
    QueueStopRequested: request_stop,
    QueueStopCancelled: cancel_stop,
    ModeSet: set_mode,
    QueueChanged: change_queue,
    HistoryChanged: change_history,
    ItemClaimed: begin_attempt,
    ItemBlocked: wait_for_others,
    InstructionReached: obey_instruction,
    QueueExhausted: exhaust,
    CatalogChanged: change_catalog,
    PermissionsChanged: change_permissions,
}
