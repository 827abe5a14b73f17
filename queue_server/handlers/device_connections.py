"""Handlers of what gateways ask on behalf of scanners: who connects, and what it tells of itself."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from queue_server.handlers.context import TurnContext
from queue_server.handlers.device_records import change, find_device, tell
from queue_server.handlers.group import group
from queue_server.protocol.devices import NO_TOKEN, Device, read_device_id
from queue_server.protocol.errors import StaleError, WrongCredentialError
from queue_server.protocol.methods.devices import DeviceConnected, DeviceConnectParams, DeviceDescribeParams


def connect_device(context: TurnContext, params: DeviceConnectParams) -> DeviceConnected:
    """Check the token of a device and begin the next generation; whatever is wrong is refused in the same words."""
    turn = context.turn
    identity = read_device_id(params.device_id)
    device = None if identity is None else turn.tx.device(identity)
    token = None if device is None else device.token
    is_right = (token or NO_TOKEN).admits(params.token_sha256, float(turn.now))
    if device is None or token is None or not is_right:
        raise WrongCredentialError
    device = replace(
        device,
        generation=device.generation + 1,
        last_address=params.address or None,
        last_seen=float(turn.now),
    )
    turn.tx.change_device(device)
    tell(context, "device_connected", device, generation=device.generation, address=params.address)
    return _show(device)


def describe_device(context: TurnContext, params: DeviceDescribeParams) -> DeviceConnected:
    """Note what a device tells of itself on its present connection, and that it was there."""
    device = find_device(context, params.device_id)
    if params.generation != device.generation:
        raise StaleError(
            f"The device {device.name!r} has connected again since: its generation is {device.generation}, not "
            f"{params.generation}. Nothing was changed.",
            details={"generation": device.generation},
        )
    told: dict[str, Any] = {"details": device.details.updated(params.details or {})}
    if params.parameter is not None:
        told["registered_parameter"] = params.parameter
    seen = replace(device, last_seen=float(context.turn.now))
    # Compared as text, in which true, 1 and 1.0 differ.
    changed = sorted(name for name, value in told.items() if repr(value) != repr(getattr(device, name)))
    if not changed:
        context.turn.tx.change_device(seen)
        return _show(seen)
    described = change(context, seen, **told)
    tell(context, "device_described", described, changed=changed)
    return _show(described)


def _show(device: Device) -> DeviceConnected:
    kept = (device.parameter, device.registered_parameter, device.effective_parameter)
    return DeviceConnected(device.generation, device.name, *(None if each is None else dict(each) for each in kept))


GROUP = group(turn={"device_connect": connect_device, "device_describe": describe_device})
