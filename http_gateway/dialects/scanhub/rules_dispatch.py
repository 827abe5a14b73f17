"""Rules for what the queue and people want: start, give up and resolve items, clear faults; or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from http_gateway.dialects.scanhub.answers import Change
from http_gateway.dialects.scanhub.effects import (
    CancelTimer,
    Effect,
    NoteFault,
    RecordDispatch,
    ReportPhase,
    ReportReturned,
    SendFrame,
    SendStart,
    SetTimer,
)
from http_gateway.dialects.scanhub.endings import finish, resolve
from http_gateway.dialects.scanhub.events import (
    CancelRequested,
    DispatchRecorded,
    DispatchRequested,
    FaultCleared,
    GivenUp,
    OutcomeResolved,
    StartUnsent,
)
from http_gateway.dialects.scanhub.frames import Cancel
from http_gateway.dialects.scanhub.model import Order, Scan, State, Timer
from http_gateway.dialects.scanhub.refusals import DispatchError, Obstacle, StartTooLargeError
from http_gateway.dialects.scanhub.rules_upload import drop_incoming
from http_gateway.dialects.scanhub.start_frame import check_start
from queue_server.protocol.errors import NotFoundError, StateError


def request_dispatch(state: State, event: DispatchRequested) -> Change:
    """Have it recorded that the item goes out on this connection; nothing is sent before.

    Raises:
        DispatchError: the device cannot take it now.
    """
    order = event.order
    if state.scan is not None:
        raise DispatchError("busy", f"The item {state.scan.item_uid} is active; at most one is.")
    if state.find(order.item_uid) is not None:
        raise DispatchError("repeated", f"The item {order.item_uid} was sent before; make a copy of it.")
    obstacle = find_obstacle(state) or _find_mismatch(state, order)
    if obstacle is not None:
        raise DispatchError(*obstacle)
    return replace(state, scan=Scan(order, state.generation)), (RecordDispatch(order.item_uid, state.generation),)


def find_obstacle(state: State) -> tuple[Obstacle, str] | None:
    """Return why the device could not be given any item now, as a word and a sentence; None if it could."""
    connection, unknown = state.connection, state.unresolved
    if state.is_duplicate:
        return "duplicate_connection", "Two clients use the credentials of the device; end one, then clear the fault."
    if unknown is not None:
        return "unresolved", f"Nobody knows how the item {unknown.item_uid} ended; resolve it first."
    if state.faults:
        return "fault", f"The device is in fault: {state.fault_message} Clear the fault first."
    if connection is None or connection.is_leaving:
        return "offline", "The device is not connected."
    if not connection.is_registered:
        return "not_registered", "The device is connected and has not registered."
    return None


def _find_mismatch(state: State, order: Order) -> tuple[Obstacle, str] | None:
    client = "unknown" if state.connection is None else state.connection.client
    if client == "first" and order.expected_uploads:
        return "unsuitable", "A first-generation device uploads nothing; set expected_uploads to 0."
    try:
        check_start(order.start_bytes, client, state.limits.start_gen3_bytes)
    except StartTooLargeError as error:
        return "too_large", error.message
    return None


def send_start(state: State, event: DispatchRecorded) -> Change:
    """Send the start that was recorded, if the connection is still the one; else nothing has happened."""
    scan, connection = state.scan, state.connection
    if scan is None or scan.item_uid != event.item_uid or scan.phase != "recording":
        return state, ()
    obstacle = find_obstacle(state)
    if obstacle is not None or connection is None:
        reason = "the connection was lost" if obstacle is None else obstacle[1]
        return replace(state, scan=None), (ReportReturned(scan.item_uid, reason),)
    state, dropped = drop_incoming(state, event.at, "another scan began before it was complete")
    state = state.with_scan(replace(scan, phase="dispatched"))
    state = state.with_connection(is_quiet=True, complaints_left=state.limits.complaints)
    effects: list[Effect] = [
        SendStart(connection.generation, scan.item_uid),
        ReportPhase(scan.item_uid, "dispatched"),
        SetTimer(Timer("acknowledgement", scan.item_uid), state.limits.acknowledgement_s),
    ]
    if scan.order.scan_timeout_s is not None:
        effects.append(SetTimer(Timer("scan", scan.item_uid), scan.order.scan_timeout_s))
    return state, (*dropped, *effects)


def take_back(state: State, event: StartUnsent) -> Change:
    """Give an item back of which the device has certainly seen nothing."""
    scan = state.scan
    if scan is None or scan.item_uid != event.item_uid or scan.phase != "dispatched":
        return state, ()
    timers = (CancelTimer(Timer("acknowledgement", scan.item_uid)), CancelTimer(Timer("scan", scan.item_uid)))
    state = replace(state, scan=None).with_connection(is_quiet=False)
    return state, (*timers, ReportReturned(scan.item_uid, "the start frame could not be sent"))


def cancel(state: State, event: CancelRequested) -> Change:
    """Ask a device for the end of its scan, if it knows that frame. How the item ends is up to the device."""
    _need_active(state, event.item_uid)
    connection = state.connection
    if connection is None or not connection.has_extensions:
        raise StateError("This device cannot be told to end a scan; end it at the scanner, or give the item up.")
    return state, (SendFrame(connection.generation, Cancel(task_id=event.item_uid)),)


def give_up(state: State, event: GivenUp) -> Change:
    """End the active item as unknown, because a person says so."""
    return finish(state, _need_active(state, event.item_uid), "unknown", "the item was given up while it was active")


def _need_active(state: State, item_uid: str) -> Scan:
    scan = state.scan
    if scan is None or scan.item_uid != item_uid:
        raise StateError(f"The item {item_uid} is not active on this device.")
    if scan.phase == "recording":
        raise StateError(f"The item {item_uid} is about to be sent; try again in a moment.")
    return scan


def resolve_outcome(state: State, event: OutcomeResolved) -> Change:
    """Take the word of a person for how an unknown item ended."""
    scan = state.find(event.item_uid)
    if scan is None:
        raise NotFoundError(f"There is no item {event.item_uid} to resolve on this device.")
    if scan.outcome != "unknown":
        shown = "active" if scan.outcome is None else scan.outcome
        raise StateError(f"The item {event.item_uid} is {shown}; only an unknown one can be resolved.")
    return resolve(state, scan, event.outcome, "person")


def clear_fault(state: State, event: FaultCleared) -> Change:
    """Take the word of a person that the device is in order."""
    if state.unresolved is not None:
        raise StateError(f"Nobody knows how the item {state.unresolved.item_uid} ended; resolve it first.")
    return replace(state, faults=(), replacements=(), is_duplicate=False), (NoteFault(None),)


RULES: Mapping[type, Any] = {
    DispatchRequested: request_dispatch,
    DispatchRecorded: send_start,
    StartUnsent: take_back,
    CancelRequested: cancel,
    GivenUp: give_up,
    OutcomeResolved: resolve_outcome,
    FaultCleared: clear_fault,
}
