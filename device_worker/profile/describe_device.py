"""Describes a device and its components in the documented form. Never moves or reads hardware."""

from __future__ import annotations

import logging
import sys
from typing import Any

from bluesky.protocols import Flyable, Movable, Readable

from device_worker.profile.boundary import profile_code
from device_worker.profile.discover import FoundDevice, iterate_components
from device_worker.profile.errors import DescriptionError, ProfileError
from queue_server.protocol.descriptions import DeviceDescription, DeviceDescriptions

_log = logging.getLogger(__name__)

_ALL_LEVELS = sys.getrecursionlimit()
"""More levels than any tree of devices can have."""


def describe_device(name: str, found: FoundDevice, max_depth: int = 0) -> DeviceDescription:
    """Describe a device with its components.

    The components of an area detector are left out unless the device is registered; so are all components of
    a device of which one raises an error.

    Args:
        name: its name in the namespace, for messages.
        found: the device.
        max_depth: levels to describe including the device itself, where it is not registered; 0 means all.

    Raises:
        DescriptionError: the device itself raised an error.
    """
    levels = (max_depth if found.depth is None else found.depth) or _ALL_LEVELS
    return _describe(name, found.device, levels, expands_detectors=found.depth is not None)


def _describe(name: str, device: Any, levels: int, *, expands_detectors: bool) -> DeviceDescription:
    description = _describe_alone(name, device)
    if levels <= 1 or (_is_area_detector(device) and not expands_detectors):
        return description
    components: DeviceDescriptions = {}
    try:
        for part, component in iterate_components(device):
            components[part] = _describe(f"{name}.{part}", component, levels - 1, expands_detectors=expands_detectors)
    except ProfileError as error:
        # Where one component cannot be reached the others seldom can, and each would cost its own time-out.
        _log.warning("Device %r is listed without its components: %s", name, error)
        return description
    if components:
        description["components"] = components
    return description


def _describe_alone(name: str, device: Any) -> DeviceDescription:
    try:
        with profile_code(f"Device {name!r} cannot be described"):
            return {
                "is_readable": isinstance(device, Readable),
                "is_movable": isinstance(device, Movable),
                "is_flyable": isinstance(device, Flyable),
                "classname": type(device).__name__,
                "module": type(device).__module__,
            }
    except ProfileError as error:
        raise DescriptionError(str(error), error.traceback) from error


def _is_area_detector(device: object) -> bool:
    # A device can only be one if its base class is loaded; loading it for the question alone would cost time.
    base = getattr(sys.modules.get("ophyd.areadetector"), "ADBase", None)
    return base is not None and isinstance(device, base)
