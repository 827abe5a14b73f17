"""What startup code says about its own plans and devices: which to leave out, and how deep a device is shown.

The registry belongs to the process, because startup code calls it as plain functions; loading clears it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from device_worker.profile import stock_package
from device_worker.profile.errors import ProfileError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class PlanRegistration:
    """What was said about a plan."""

    exclude: bool = False


@dataclass(frozen=True, slots=True)
class DeviceRegistration:
    """What was said about a device; ``depth`` counts levels, 1 is the device alone, 0 all of them."""

    depth: int = 1
    exclude: bool = False


_plans: dict[str, PlanRegistration] = {}
_devices: dict[str, DeviceRegistration] = {}


def register_plan(name: str, *, exclude: bool = False) -> None:
    """Say that the plan of this name is to be left out of the list of plans, or not.

    Raises:
        ProfileError: the name is not an identifier.
    """
    _check_name(name, "plan")
    _plans[name] = PlanRegistration(bool(exclude))


def register_device(name: str, *, depth: int = 1, exclude: bool = False) -> None:
    """Say how many levels of a device are described, or that it is left out; the name may be defined later.

    Args:
        name: a variable of the startup code, not a component.
        depth: levels including the device itself; 0 means all.
        exclude: leave the device out of the list of devices.

    Raises:
        ProfileError: the name is not an identifier, or the depth is not a number from 0.
    """
    _check_name(name, "device")
    if not isinstance(depth, int) or depth < 0:
        raise ProfileError(f"Device {name!r} is registered with depth {depth!r}: give a whole number from 0")
    _devices[name] = DeviceRegistration(depth, bool(exclude))


def plan_registrations() -> Mapping[str, PlanRegistration]:
    """Return what was said about plans, by this module or by bluesky-queueserver's own functions."""
    stock = {name: PlanRegistration(entry["exclude"]) for name, entry in stock_package.read_plans().items()}
    return {**stock, **_plans}


def device_registrations() -> Mapping[str, DeviceRegistration]:
    """Return what was said about devices, by this module or by bluesky-queueserver's own functions."""
    stock = {
        name: DeviceRegistration(entry["depth"], entry["exclude"])
        for name, entry in stock_package.read_devices().items()
    }
    return {**stock, **_devices}


def clear_registrations() -> None:
    """Forget all that was said, so that the next profile begins with nothing."""
    _plans.clear()
    _devices.clear()
    stock_package.clear_registrations()


def _check_name(name: object, kind: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ProfileError(f"{name!r} is registered as a {kind}: give the name of a variable")
