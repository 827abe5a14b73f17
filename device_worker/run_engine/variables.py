"""Which process variables an error of ophyd is about, where its message names a device alone. Connects to nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any

_ATTRIBUTES = ("pvname", "setpoint_pvname")


def list_unconnected(error: BaseException) -> list[str]:
    """Return the process variables that ophyd has found unconnected; empty for any other error."""
    # The error can only be one if ophyd is loaded; loading it for the question alone would cost time.
    kind = getattr(sys.modules.get("ophyd.utils.errors"), "DisconnectedError", None)
    if kind is None or not isinstance(error, kind):
        return []
    origin = _find_origin(error.__traceback__)
    signals = _iterate_unconnected(origin) if hasattr(origin, "walk_signals") else iter([origin])
    names = [name for signal in signals for name in _names_of(signal)]
    return list(dict.fromkeys(names))


def _find_origin(frame: TracebackType | None) -> Any:
    # The error does not carry the device; the device, or one of its signals, raises it in a method of its own.
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return None if frame is None else frame.tb_frame.f_locals.get("self")


def _iterate_unconnected(device: Any) -> Iterator[object]:
    return (walk.item for walk in device.walk_signals() if not walk.item.connected)


def _names_of(signal: object) -> list[str]:
    found = (getattr(signal, attribute, None) for attribute in _ATTRIBUTES)
    return [name for name in found if isinstance(name, str)]
