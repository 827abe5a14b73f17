"""Looks up plans, devices, components and functions by name in a namespace, within what is allowed."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from device_worker.profile.boundary import profile_code
from device_worker.profile.errors import ItemResolutionError, ProfileError
from queue_server.protocol.descriptions import DeviceDescription


@dataclass(frozen=True, slots=True)
class AllowedNames:
    """The plans that may be named, and the tree of devices; a device marked ``excluded`` may not be named itself."""

    plans: Container[str]
    devices: Mapping[str, DeviceDescription]

    def has_device(self, name: str) -> bool:
        """Tell whether a device or component of this dotted name may be named."""
        first, *rest = name.split(".")
        device = self.devices.get(first)
        for part in rest:
            device = device.get("components", {}).get(part) if device else None
        return device is not None and not device.get("excluded", False)


@dataclass(frozen=True, slots=True)
class NameResolver:
    """Finds the objects behind names in a namespace."""

    namespace: Mapping[str, Any]
    allowed: AllowedNames

    def has_plan(self, name: str) -> bool:
        """Tell whether a plan of this name may be used."""
        return name in self.allowed.plans and name in self.namespace

    def has_device(self, name: str) -> bool:
        """Tell whether a device or component of this dotted name may be used."""
        return name.partition(".")[0] in self.namespace and self.allowed.has_device(name)

    def find_object(self, name: str) -> Any:
        """Return the plan, device or component of this dotted name.

        Raises:
            ItemResolutionError: a component is described but cannot be reached now.
        """
        try:
            return self._follow(name.split("."))
        except ProfileError as error:
            raise ItemResolutionError(str(error)) from error

    def find_callable(self, name: str) -> Any:
        """Return the function or class of this dotted name; None if there is none. Private names are not found."""
        parts = name.split(".")
        if parts[0] not in self.namespace or any(p.startswith("_") or not p.isidentifier() for p in parts):
            return None
        try:
            found = self._follow(parts)
        except ProfileError:
            return None
        return found if callable(found) else None

    def _follow(self, parts: list[str]) -> Any:
        found = self.namespace[parts[0]]
        with profile_code(f"{'.'.join(parts)!r} cannot be reached"):
            for part in parts[1:]:
                found = getattr(found, part)
        return found
