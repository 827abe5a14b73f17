"""Registered devices as rows, and what every store refuses of them, in the same words. It runs no statement."""

from __future__ import annotations

from typing import Any

from queue_server.protocol.devices import LONGEST_PARAMETER_BYTES, Device, DeviceDetails, DeviceToken
from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.storage import content

Row = tuple[Any, ...]

DELETED = 12
"""Where a row has the time at which the device was deleted."""


def write_device(device: Device) -> Row:
    """Return the values of a device in the order of the columns, without its place.

    Raises:
        ParameterError: it cannot be stored as JSON, or is too large.
    """
    parts = {
        "details": device.details.plain(),
        "parameter": device.parameter,
        "registered_parameter": device.registered_parameter,
    }
    text = content.encode(parts)
    size = len(text.encode())
    if size > LONGEST_PARAMETER_BYTES:
        raise ParameterError(
            f"'parameter': with it, what is stored of the device has {size} bytes of JSON; at most "
            f"{LONGEST_PARAMETER_BYTES} are stored.",
            field="parameter",
        )
    token = device.token
    return (
        device.id,
        device.name,
        device.description,
        None if token is None else token.digest,
        None if token is None else token.previous,
        None if token is None else token.previous_until,
        device.generation,
        device.last_address,
        device.last_seen,
        device.creator,
        device.created,
        device.updated,
        device.deleted,
        text,
    )


def read_device(row: Row) -> Device:
    """Return the device that was written as ``row``."""
    identity, name, description, digest, previous, previous_until, generation, address, seen, *rest = row
    creator, created, updated, deleted, text = rest
    parts = content.decode(text)
    return Device(
        id=identity,
        name=name,
        description=description,
        details=DeviceDetails.model_validate(parts["details"]),
        parameter=parts["parameter"],
        registered_parameter=parts["registered_parameter"],
        token=None if digest is None else DeviceToken(digest, previous, previous_until),
        generation=generation,
        last_address=address,
        last_seen=seen,
        creator=creator,
        created=created,
        updated=updated,
        deleted=deleted,
    )


def check_successor(device: Device, present: Device | None) -> None:
    """Refuse a change of what is not there or never changes.

    Raises:
        NotFoundError: there is no such device.
        ConflictError: it was deleted, it changes what never changes, or its generation goes back.
    """
    if present is None:
        raise NotFoundError(f"There is no device {device.id!r}.")
    if present.deleted is not None:
        raise ConflictError(f"The device {device.id} was deleted; nothing of it changes any more.")
    if (device.creator, device.created) != (present.creator, present.created):
        raise ConflictError(f"Who made the device {device.id}, and when, never changes.")
    if device.generation < present.generation:
        raise ConflictError(f"The generation of the device {device.id} is {present.generation} and does not go back.")


def taken(identity: str) -> ConflictError:
    """Return the error for an id that belongs to another device, or belonged to one."""
    return ConflictError(f"There is a device {identity} already, or there was one that is deleted.")
