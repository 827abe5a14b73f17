"""Rules for controlling the running plan: pause, resume, stop, abort, halt, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.effects import Effect, Send
from queue_server.core.events import CancelRequested, ContinueRequested, PauseRequested
from queue_server.core.latch import is_latched, require_released
from queue_server.core.model import COMPUTING, ENDS, PAUSES, Attempt, Lane, Order, State
from queue_server.core.rules_ladder import remind_of_order
from queue_server.core.view import manager_state
from queue_server.protocol.errors import StateError
from queue_server.protocol.worker_link import Continue, Pause

Outcome = tuple[State, tuple[Effect, ...]]


def pause(state: State, event: PauseRequested) -> Outcome:
    """Order a pause; where the RunEngine has not begun yet, the order waits for it."""
    lane = state.lane(event.lane)
    if lane.worker.environment == "closed":
        raise StateError("Environment does not exist. Can not pause Run Engine.")
    _require_item(lane, event.item_uid)
    attempt = lane.attempt
    if attempt is None:
        raise StateError("No plan is running, so there is nothing to pause.")
    if lane.worker.re_state == "paused" and attempt.order is None:
        raise StateError("The plan is paused already.")
    if lane.worker.re_state == COMPUTING:
        raise StateError("A processing graph cannot be paused. Stop, abort or halt it (re_stop, re_abort, re_halt).")
    if attempt.order is not None and attempt.order not in PAUSES:
        raise StateError(f"The plan is about to {attempt.order}; wait for that first.")
    if attempt.cancellation:
        raise StateError("The plan is being cancelled; wait for its end.")
    order: Order = "pause_deferred" if event.option == "deferred" else "pause_immediate"
    attempt = replace(attempt, order=order, order_since=event.at, order_sent=False)
    return send_pause(state, replace(lane, attempt=attempt))


def send_pause(state: State, lane: Lane) -> Outcome:
    """Return the state in which a waiting order to pause is sent, if the RunEngine can take it now."""
    attempt = lane.attempt
    if attempt is None or attempt.order not in PAUSES or attempt.order_sent or lane.worker.re_state != "running":
        return state.with_lane(lane), ()
    option = "deferred" if attempt.order == "pause_deferred" else "immediate"
    lane = replace(lane, attempt=replace(attempt, order_sent=True))
    return state.with_lane(lane), (Send(lane.worker.incarnation, Pause(attempt=attempt.key, option=option)),)


def proceed(state: State, event: ContinueRequested) -> Outcome:
    """Order the paused plan to go on, or to end; a processing graph can be ended at any time."""
    lane = state.lane(event.lane)
    if lane.worker.environment == "closed":
        raise StateError("Environment does not exist: no plan is paused.")
    _require_item(lane, event.item_uid)
    attempt = _unresponsive_attempt(lane, event) or _graph_attempt(lane, event) or _paused_attempt(state, lane)
    if event.order == "resume":
        require_released(lane)
    # Whoever lets a plan go on has taken its cancellation back.
    kept = "" if event.order == "resume" else attempt.cancellation
    return _send_continue(state, replace(lane, attempt=replace(attempt, cancellation=kept)), event.order, event.at)


def _send_continue(state: State, lane: Lane, order: Order, at: float) -> Outcome:
    attempt = lane.attempt
    if attempt is None:
        return state.with_lane(lane), ()
    lane = replace(lane, attempt=replace(attempt, order=order, order_since=at, order_sent=True))
    message = Continue.model_validate({"attempt": attempt.key, "option": order})
    return state.with_lane(lane), (Send(lane.worker.incarnation, message), *remind_of_order(lane))


def cancel(state: State, event: CancelRequested) -> Outcome:
    """End the running item in order: what can be ended now is aborted, and anything else is paused for that.

    Raises:
        StateError: another item runs, or none; or this one ends already, is about to go on, or is on a remote scanner.
    """
    lane = state.lane(event.lane)
    _require_item(lane, event.item_uid)
    attempt = lane.attempt
    if attempt is None or lane.is_remote:
        raise StateError("What a remote scanner does cannot be ended from here: wait for it, or give it up there.")
    if is_latched(lane):
        raise StateError(f"The emergency stop of the lane {lane.name!r} ends the item {event.item_uid} already.")
    if attempt.cancellation or attempt.order in ENDS or attempt.order == "resume":
        about = "is being cancelled" if attempt.cancellation else f"is about to {attempt.order}"
        raise StateError(f"The item {event.item_uid} {about}; wait for that first.")
    lane = replace(lane, attempt=replace(attempt, cancellation=event.reason))
    is_hung = lane.worker.environment == "open" and lane.worker.connected and not lane.worker.answering
    can_end = lane.worker.re_state in ("paused", COMPUTING) and attempt.order is None
    if lane.worker.environment == "open" and (is_hung or can_end):
        return _send_continue(state, lane, "abort", event.at)
    waiting = replace(attempt, cancellation=event.reason, order="pause_immediate", order_since=event.at)
    return send_pause(state, replace(lane, attempt=replace(waiting, order_sent=False)))


def abort_cancelled(state: State, lane: Lane, at: float) -> Outcome:
    """Return the state in which a cancelled plan that has paused is ordered to abort; else the lane as it is."""
    attempt = lane.attempt
    is_met = attempt is not None and attempt.order is None and lane.worker.re_state == "paused"
    if attempt is None or not attempt.cancellation or not is_met:
        return send_pause(state, lane)
    return _send_continue(state, lane, "abort", at)


def _require_item(lane: Lane, item_uid: str | None) -> None:
    """Refuse an order for an item that does not run now.

    Raises:
        StateError: another item runs in the lane, or none.
    """
    running = None if lane.attempt is None else lane.attempt.key.item_uid
    if item_uid is not None and item_uid != running:
        instead = "no item does" if running is None else f"the item {running} does"
        raise StateError(
            f"The item {item_uid!r:.200} does not run in the lane {lane.name!r}: {instead}. Nothing was ordered.",
            details={"lane": lane.name, "running_item_uid": running},
        )


def _unresponsive_attempt(lane: Lane, event: ContinueRequested) -> Attempt | None:
    """Return the attempt of a worker that does not answer: its plan may be ended although it never paused."""
    is_hung = lane.worker.environment == "open" and lane.worker.connected and not lane.worker.answering
    return lane.attempt if is_hung and event.order in ("abort", "halt") else None


def _graph_attempt(lane: Lane, event: ContinueRequested) -> Attempt | None:
    """Return the attempt of a worker that executes a processing graph, if the order ends it and is the first one."""
    attempt = lane.attempt
    is_open = lane.worker.environment == "open" and lane.worker.re_state == COMPUTING
    if attempt is None or not is_open or event.order not in ENDS:
        return None
    if attempt.order in ENDS:
        raise StateError(f"The graph is about to {attempt.order}; wait for that.")
    return attempt


def _paused_attempt(state: State, lane: Lane) -> Attempt:
    attempt = lane.attempt
    is_open = lane.worker.environment == "open"
    if attempt is None or lane.worker.re_state != "paused" or attempt.order is not None or not is_open:
        current = manager_state(state, lane)
        raise StateError(f"RE Manager is not paused: current state is '{current}'. Pause the plan first (re_pause).")
    return attempt


RULES: Mapping[type, Any] = {PauseRequested: pause, ContinueRequested: proceed, CancelRequested: cancel}
