"""Registered devices as rows: what statements do to their table."""

from __future__ import annotations

from queue_server.protocol.cursors import BEFORE_ALL, read_place
from queue_server.protocol.devices import Device
from queue_server.storage.database import Rows
from queue_server.storage.device_base import DevicePart
from queue_server.storage.device_content import check_successor, read_device, taken, write_device
from queue_server.storage.sql import statement

INSERT_DEVICE = statement("insert_devices")
UPDATE_DEVICE = statement("update_devices")
SELECT_DEVICE = statement("select_devices")
LIST_DEVICES = statement("list_devices")
COUNT_DEVICES = statement("count_devices")


class RegisteredDeviceRows(Rows):
    """The part of a transaction that works on devices; the promises are those of the port."""

    def add_device(self, device: Device) -> None:
        """Write a new device."""
        row = write_device(device)
        if self.device(device.id) is not None:
            raise taken(device.id)
        self._database.rows(INSERT_DEVICE, row)

    def change_device(self, device: Device) -> None:
        """Write a device in the place of what it was."""
        row = write_device(device)
        check_successor(device, self.device(device.id))
        self._database.rows(UPDATE_DEVICE, row)

    def device(self, identity: str) -> Device | None:
        """Return a device."""
        found = self._database.row(SELECT_DEVICE, (identity,))
        return None if found is None else read_device(found)

    def devices(self, *, limit: int, cursor: str | None = None) -> DevicePart:
        """Return a part of the devices."""
        rows = self._database.rows(LIST_DEVICES, (read_place(cursor, BEFORE_ALL), limit + 1))
        return DevicePart([(str(row[0]), read_device(row[1:])) for row in rows[:limit]], len(rows) > limit)

    def count_devices(self) -> int:
        """Return how many devices there are."""
        [(count,)] = self._database.rows(COUNT_DEVICES)
        return count
