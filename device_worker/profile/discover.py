"""Finds plans and devices in a namespace, under the names that they have there. Describes nothing."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from bluesky import utils
from bluesky.protocols import Flyable, Readable

from device_worker.profile.boundary import profile_code
from device_worker.profile.errors import ProfileError
from device_worker.profile.registration import device_registrations, plan_registrations

_log = logging.getLogger(__name__)

Plan = Callable[..., Any]

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A device of the namespace; ``depth`` is how many levels to describe, 0 is all, None is not said."""

    device: Any
    depth: int | None = None


def is_plan(value: object) -> TypeGuard[Plan]:
    """Tell whether a value is a plan: a generator function, or a function that Bluesky's decorator marked."""
    marked = getattr(utils, "is_plan", inspect.isgeneratorfunction)
    return callable(value) and bool(marked(value))


def is_device(value: object) -> bool:
    """Tell whether a value, not a class, can be read or flown, or has children as in ophyd-async."""
    if inspect.isclass(value):
        return False
    return isinstance(value, (Readable, Flyable)) or callable(getattr(value, "children", None))


def find_plans(namespace: Mapping[str, Any]) -> dict[str, Plan]:
    """Return the plans by name, without those that startup code excludes."""
    registrations = plan_registrations()
    found = _find(namespace, is_plan)
    _warn_of_missing(registrations, found, "plan")
    excluded = {name for name, registration in registrations.items() if registration.exclude}
    return {name: plan for name, plan in found.items() if name not in excluded}


def find_devices(namespace: Mapping[str, Any]) -> dict[str, FoundDevice]:
    """Return the devices by name with their registered depth, without those that startup code excludes."""
    registrations = device_registrations()
    found = _find(namespace, is_device)
    _warn_of_missing(registrations, found, "device")
    devices: dict[str, FoundDevice] = {}
    for name, device in found.items():
        registration = registrations.get(name)
        if registration is None:
            devices[name] = FoundDevice(device)
        elif not registration.exclude:
            devices[name] = FoundDevice(device, registration.depth)
    return devices


def iterate_components(device: object) -> Iterator[tuple[str, Any]]:
    """Yield the components of a device that exist, by name; reaching one may connect it.

    Raises:
        ProfileError: a component raised an error.
    """
    with profile_code("The components cannot be listed"):
        names = _component_names(device)
    for name in names:
        with profile_code(f"Component {name!r} cannot be reached"):
            component = getattr(device, name, _ABSENT)
        if component is not _ABSENT:
            yield name, component


def _component_names(device: Any) -> list[str]:
    if hasattr(device, "component_names"):
        names = device.component_names
        return [str(name) for name in names] if isinstance(names, Iterable) else []
    return [str(name) for name, _ in device.children()] if hasattr(device, "children") else []


def _find(namespace: Mapping[str, Any], fits: Callable[[object], bool]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in list(namespace.items()):
        try:
            with profile_code(f"{name!r} cannot be looked at"):
                fitting = fits(value)
        except ProfileError as error:
            _log.warning("Leaving an object of the startup code out: %s", error)
            continue
        if fitting:
            found[name] = value
    return found


def _warn_of_missing(registrations: Mapping[str, Any], found: Mapping[str, Any], kind: str) -> None:
    for name, registration in registrations.items():
        if name not in found and not registration.exclude:
            _log.warning("The startup code registers %r as a %s, but defines no such %s", name, kind, kind)
