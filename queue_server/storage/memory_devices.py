"""The work of a transaction on registered devices in memory, the same as that of the statements on rows."""

from __future__ import annotations

from queue_server.protocol.cursors import BEFORE_ALL, read_place
from queue_server.protocol.devices import Device
from queue_server.storage.device_base import DevicePart
from queue_server.storage.device_content import DELETED, check_successor, read_device, taken, write_device
from queue_server.storage.memory_rows import MemoryRows
from queue_server.storage.tables import StoredRecord


class DeviceTables(MemoryRows):
    """The part of a transaction that works on devices; the promises are those of the port."""

    def add_device(self, device: Device) -> None:
        """Write a new device."""
        row = write_device(device)
        if device.id in self._tables.devices:
            raise taken(device.id)
        self._tables.put(self._tables.devices, device.id, StoredRecord(0, self._tables.count("devices"), row))

    def change_device(self, device: Device) -> None:
        """Write a device in the place of what it was."""
        row = write_device(device)
        check_successor(device, self.device(device.id))
        place = self._tables.devices[device.id].place
        self._tables.put(self._tables.devices, device.id, StoredRecord(0, place, row))

    def device(self, identity: str) -> Device | None:
        """Return a device."""
        stored = self._tables.devices.get(identity)
        return None if stored is None else read_device(stored.row)

    def devices(self, *, limit: int, cursor: str | None = None) -> DevicePart:
        """Return a part of the devices."""
        begin = read_place(cursor, BEFORE_ALL)
        behind = [stored for stored in self._present() if stored.place > begin]
        return DevicePart(
            [(str(stored.place), read_device(stored.row)) for stored in behind[:limit]], len(behind) > limit
        )

    def count_devices(self) -> int:
        """Return how many devices there are."""
        return len(self._present())

    def _present(self) -> list[StoredRecord]:
        present = [stored for stored in self._tables.devices.values() if stored.row[DELETED] is None]
        return sorted(present, key=lambda stored: stored.place)
