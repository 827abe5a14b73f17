"""Handlers of the methods about the tokens of scanners. A token is told once and kept nowhere, but for its digest."""

from __future__ import annotations

from queue_server.core.events import LaneAdded
from queue_server.handlers.context import TurnContext
from queue_server.handlers.device_records import change, find_device, require_free, show, tell
from queue_server.handlers.group import group
from queue_server.protocol.devices import (
    MOST_DEVICES,
    Device,
    DeviceToken,
    check_token,
    digest_token,
    read_device_id,
)
from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError, RefusedError
from queue_server.protocol.method import Done
from queue_server.protocol.methods.devices import (
    DeviceCreateParams,
    DeviceCredentials,
    DeviceReply,
    DeviceRevokeTokenParams,
    DeviceRotateTokenParams,
    DeviceTokenImportParams,
)


def create_device(context: TurnContext, params: DeviceCreateParams) -> DeviceCredentials:
    """Register a scanner and give it a token."""
    for field in ("name", "description"):
        if not getattr(params, field).strip():
            raise ParameterError(f"'{field}' must not be blank.", field=field)
    token = context.turn.chance.secret()
    device = _register(context, context.turn.chance.identifier(), params.name, params.description, token)
    return DeviceCredentials(device.id, token)


def import_token(context: TurnContext, params: DeviceTokenImportParams) -> DeviceReply:
    """Let a device keep the token that it has; register it if need be."""
    check_token(params.device_token)
    identity = read_device_id(params.device_id)
    if identity is None:
        raise ParameterError(
            "'device_id' must be a UUID such as 3fa85f64-5717-4562-b3fc-2c963f66afa6.", field="device_id"
        )
    present = context.turn.tx.device(identity)
    if present is None:
        if params.name is None or not params.name.strip():
            raise NotFoundError(f"There is no device {identity!r}; give a 'name' to register it.")
        device = _register(context, identity, params.name, params.description, params.device_token)
    elif present.deleted is not None:
        raise ConflictError(f"The device {identity} was deleted, and does not come back. Create a new one.")
    else:
        device = _replace_token(context, present, params.device_token, params.grace_s)
    tell(context, "device_token_imported", device, grace_s=params.grace_s)
    return DeviceReply(show(context, device))


def rotate_token(context: TurnContext, params: DeviceRotateTokenParams) -> DeviceCredentials:
    """Give a device a new token."""
    device = find_device(context, params.device_id)
    token = context.turn.chance.secret()
    device = _replace_token(context, device, token, params.grace_s)
    tell(context, "device_token_rotated", device, grace_s=params.grace_s)
    return DeviceCredentials(device.id, token)


def revoke_token(context: TurnContext, params: DeviceRevokeTokenParams) -> Done:
    """Let no token of a device work any more; without one nothing is done."""
    device = find_device(context, params.device_id)
    if device.token is not None:
        tell(context, "device_token_revoked", change(context, device, token=None))
    return Done()


def _register(context: TurnContext, identity: str, name: str, description: str, token: str) -> Device:
    turn = context.turn
    if turn.tx.count_devices() >= MOST_DEVICES:
        raise RefusedError(f"There are {MOST_DEVICES:,} devices, and no more are registered. Delete one first.")
    device = Device(
        id=identity,
        name=name,
        description=description,
        token=DeviceToken(digest_token(token)),
        creator=context.origin.user,
        created=float(turn.now),
    )
    turn.tx.add_device(device)
    turn.apply(LaneAdded(device.id))
    tell(context, "device_created", device)
    return device


def _replace_token(context: TurnContext, device: Device, token: str, grace_s: float) -> Device:
    if grace_s == 0:
        # The connection of the device is closed, and with it what it does would be lost.
        require_free(context, device, "give the token until now a grace ('grace_s')")
    digest = digest_token(token)
    if device.token is None:
        return change(context, device, token=DeviceToken(digest))
    return change(context, device, token=device.token.rotated(digest, float(context.turn.now), grace_s))


GROUP = group(
    turn={
        "device_create": create_device,
        "device_token_import": import_token,
        "device_rotate_token": rotate_token,
        "device_revoke_token": revoke_token,
    }
)
