"""The part of the store's port that keeps the registered devices: what every store promises of them."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from queue_server.protocol.devices import Device


class DevicePart(Struct, frozen=True):
    """A part of the devices in order, each with the cursor that goes on behind it, and whether there are others."""

    entries: list[tuple[str, Device]]
    has_more: bool


class DeviceRows(Protocol):
    """What can be done to registered devices, inside a transaction.

    A device is never removed, but marked as deleted: then nothing of it changes any more, and its id is never given
    again.
    """

    def add_device(self, device: Device) -> None:
        """Write a new device, behind all others.

        Raises:
            ConflictError: there is a device of that id, or there was one.
            ParameterError: it cannot be stored as JSON, or is too large.
        """
        ...

    def change_device(self, device: Device) -> None:
        """Write a device in the place of what it was.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: it was deleted, it changes what never changes, or its generation goes back.
            ParameterError: it cannot be stored as JSON, or is too large.
        """
        ...

    def device(self, identity: str) -> Device | None:
        """Return a device, be it deleted or not, or None."""
        ...

    def devices(self, *, limit: int, cursor: str | None = None) -> DevicePart:
        """Return devices that are not deleted, in the order in which they were made.

        At most ``limit`` (1 or more) are returned, beginning behind ``cursor``.

        Raises:
            ParameterError: no list gives such a cursor.
        """
        ...

    def count_devices(self) -> int:
        """Return how many devices there are that are not deleted."""
        ...
