"""Reads a device and puts what it tells into plain values, within bounds. Owns no thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from device_worker.device_calls import DeviceCallError, call_device, find_limits
from device_worker.plain_value import LIMIT_BYTES, make_map_plain, show
from queue_server.protocol.codec import encode


def read_device(device: Any, loop: asyncio.AbstractEventLoop, timeout_s: float) -> dict[str, dict[str, Any]]:
    """Return what a device tells, by signal: its description, value and timestamp; with its limits, if it has some.

    Raises:
        DeviceCallError: it cannot be read, or has not answered in time.
        Exception: whatever the device raises.
    """
    if not callable(getattr(device, "read", None)):
        raise DeviceCallError("it has no read()")
    values: Mapping[str, Any] = call_device(device.read, device=device, loop=loop, timeout_s=timeout_s)
    described: Mapping[str, Any] = call_device(device.describe, device=device, loop=loop, timeout_s=timeout_s)
    readings = {name: {**described.get(name, {}), **reading} for name, reading in values.items()}
    limits = find_limits(device)
    name = str(getattr(device, "name", ""))
    if limits is not None and name in readings:
        readings[name]["limits"] = list(limits)
    return _make_plain(readings)


def _make_plain(readings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    plain: dict[str, dict[str, Any]] = {}
    left_bytes = LIMIT_BYTES
    for name, reading in readings.items():
        # What does not fit is shown as a text, and needs some room, too.
        told = make_map_plain(reading, max(left_bytes, 0))
        if "value" not in told:
            told["value"] = show(reading.get("value"))
        plain[str(name)] = told
        left_bytes -= len(encode(told))
    return plain
