"""The orders to read devices beside whatever runs, each on its way to a thread of its own.

A device that hangs keeps that thread, and nothing else. Nothing here knows a device.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from queue_server.protocol.device_link import DeviceReading, ReadDevice

_log = logging.getLogger(__name__)

MOST_AT_ONCE = 8
"""Devices that are read at the same time; one that hangs counts until it answers."""

_LONGEST_MESSAGE = 4096


class Devices(Protocol):
    """The open environment, as far as its devices can be read."""

    def read_device(self, name: str, timeout_s: float) -> dict[str, dict[str, Any]] | str:
        """Return what a device tells, by signal; or why it was not read. Nothing is raised."""
        ...


class Readings:
    """Answers orders to read; ``answer`` sends one at once, from any thread."""

    def __init__(self, answer: Callable[[DeviceReading], None]) -> None:
        self._answer = answer
        self._devices: Devices | None = None
        self._places = threading.Semaphore(MOST_AT_ONCE)

    def use(self, devices: Devices) -> None:
        """Read these devices from now on."""
        self._devices = devices

    def take(self, order: ReadDevice) -> None:
        """Read a device and answer; returns at once."""
        devices = self._devices
        if devices is None:
            self._refuse(order, "The worker has no devices, or none yet.")
        elif not self._places.acquire(blocking=False):
            self._refuse(order, f"{MOST_AT_ONCE} devices have not answered yet, and no more are read at the same time.")
        else:
            self._start(order, devices)

    def _start(self, order: ReadDevice, devices: Devices) -> None:
        name = f"reading of {order.device}"
        try:
            threading.Thread(target=self._read, args=(order, devices), name=name, daemon=True).start()
        except RuntimeError as error:
            self._places.release()
            self._refuse(order, f"There is no thread for it: {error}")

    def _read(self, order: ReadDevice, devices: Devices) -> None:
        try:
            told = devices.read_device(order.device, order.timeout_s)
        finally:
            self._places.release()
        if isinstance(told, str):
            _log.warning("%s", told)
            self._refuse(order, told)
        else:
            self._answer(DeviceReading(epoch=order.epoch, question=order.number, readings=told))

    def _refuse(self, order: ReadDevice, message: str) -> None:
        self._answer(DeviceReading(epoch=order.epoch, question=order.number, message=message[:_LONGEST_MESSAGE]))
