"""What all methods about scanners have in common: which is meant, its lane, how it is shown, and the event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from queue_server.core.device_status import find_situation, is_active, is_connected
from queue_server.core.model import Lane, State
from queue_server.handlers.context import TurnContext
from queue_server.protocol.devices import Device, read_device_id
from queue_server.protocol.errors import NotFoundError, StateError


def lane_of(state: State, device_id: str) -> Lane | None:
    """Return the lane of a device, which has its id as name, or None."""
    return next((lane for lane in state.lanes if lane.name == device_id), None)


def find_device(context: TurnContext, device_id: str) -> Device:
    """Return a scanner that is registered; what cannot be an id is that of no device.

    Raises:
        NotFoundError: there is none, or it was deleted.
    """
    identity = read_device_id(device_id)
    device = None if identity is None else context.turn.tx.device(identity)
    if device is None or device.deleted is not None:
        raise NotFoundError(f"There is no device {device_id!r}.")
    return device


def require_free(context: TurnContext, device: Device, way_out: str) -> None:
    """Refuse what would cut a device off from what it does.

    Raises:
        StateError: an item of its lane is active.
    """
    lane = lane_of(context.turn.state, device.id)
    if lane is not None and is_active(lane):
        raise StateError(f"An item of the device {device.name!r} is active: wait for its end, or {way_out}.")


def change(context: TurnContext, device: Device, **values: Any) -> Device:
    """Write a device whose description is another one now."""
    changed = replace(device, **values, updated=float(context.turn.now))
    context.turn.tx.change_device(changed)
    return changed


def tell(context: TurnContext, kind: str, device: Device, **data: object) -> None:
    """Write into the event log what happened to a device; the data are never a token or its digest."""
    known = {"device_id": device.id, "name": device.name, **data}
    context.turn.record(kind, lane=device.id, origin=context.origin, data=known)


def show(context: TurnContext, device: Device) -> dict[str, Any]:
    """Return what clients see of a scanner: its record, and how it is now."""
    lane = lane_of(context.turn.state, device.id)
    situation, shown = find_situation(lane), device.shown()
    is_here = lane is not None and is_connected(lane.worker)
    return {
        **shown,
        "status": situation.status,
        "condition": situation.condition,
        "reason": situation.reason,
        "fault_message": situation.fault_message,
        "ip_address": device.last_address if is_here else None,
        "active_item_uid": lane.attempt.key.item_uid if lane is not None and lane.attempt is not None else None,
        "lane_length": 0 if lane is None else lane.size,
        "last_seen": datetime.fromtimestamp(context.turn.now, UTC).isoformat() if is_here else shown["last_seen"],
    }
