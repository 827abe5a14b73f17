"""The tree of devices and their components: finds, filters and lists dotted names; decides no permission."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from queue_server.access.field_error import show_value
from queue_server.access.names import LONGEST_DOTTED, LONGEST_NAME
from queue_server.access.patterns import NamePattern, Step
from queue_server.protocol.errors import ParameterError

Device = Mapping[str, Any]
Devices = Mapping[str, Device]


def require_descriptions(kind: str, descriptions: object, prefix: str = "") -> None:
    """Check that descriptions are maps by name, as are the descriptions of their components.

    Raises:
        ParameterError: something else was found; names the first such object.
    """
    if not isinstance(descriptions, Mapping):
        raise ParameterError(f"The descriptions below {kind} {prefix!r} are not a map, but {show_value(descriptions)}")
    for name, description in cast("Mapping[object, object]", descriptions).items():
        if not isinstance(name, str) or not isinstance(description, Mapping):
            raise ParameterError(f"The description of {kind} {show_value(f'{prefix}{name}')} is not a map by name")
        if "components" in description:
            require_descriptions(kind, cast("Device", description)["components"], f"{prefix}{name}.")


def list_names(devices: Devices) -> dict[str, None]:
    """Return the dotted names of all devices and components that are not excluded, in tree order."""
    names: dict[str, None] = {}
    _collect(devices, "", names)
    return names


def find_names(devices: Devices, pattern: NamePattern) -> list[str]:
    """Return the dotted names that a pattern selects; a plain name selects itself, even if it is unknown."""
    if pattern.is_plain:
        return [pattern.name]
    found: list[str] = []
    _search(devices, "", pattern, pattern.steps, found)
    return found


def filter_devices(
    devices: Devices, allowed: Iterable[NamePattern] | None, forbidden: Iterable[NamePattern]
) -> dict[str, Device]:
    """Return the tree of what is allowed and not forbidden.

    A device that is not allowed itself stays, marked ``excluded: True``, if one of its components is. One of a name
    over 128 characters (512 with its levels) is allowed to nobody, and neither is what is below it.
    Unchanged branches are shared with the tree that was given, which is never modified.

    Args:
        devices: descriptions by name, with nested ``components``.
        allowed: patterns of allowed names; None allows everything.
        forbidden: patterns of forbidden names, which win.
    """
    wanted = None if allowed is None else {name for pattern in allowed for name in find_names(devices, pattern)}
    banned = {name for pattern in forbidden for name in find_names(devices, pattern)}
    return _prune(devices, "", wanted, banned)


def _is_short(name: str, before: str) -> bool:
    """Whether a name is compared with patterns at all."""
    return len(name) <= LONGEST_NAME and len(before) + len(name) <= LONGEST_DOTTED


def _components(device: Device) -> Devices:
    return device.get("components", {})


def _collect(devices: Devices, prefix: str, names: dict[str, None]) -> None:
    for name, device in devices.items():
        if not device.get("excluded"):
            names[prefix + name] = None
        components = _components(device)
        if components:
            _collect(components, f"{prefix}{name}.", names)


def _search(devices: Devices, prefix: str, pattern: NamePattern, steps: tuple[Step, ...], found: list[str]) -> None:
    step, deeper = steps[0], steps[1:]
    if step.whole:
        _search_whole(devices, (prefix, ""), pattern, step.depth, found)
        return
    for name, device in devices.items():
        if not _is_short(name, prefix) or not step.matches(name):
            continue
        if step.included and not device.get("excluded") and pattern.fits(device):
            found.append(prefix + name)
        if deeper:
            _search(_components(device), f"{prefix}{name}.", pattern, deeper, found)


def _search_whole(
    devices: Devices, place: tuple[str, str], pattern: NamePattern, depth: int | None, found: list[str]
) -> None:
    prefix, suffix = place
    matches = pattern.steps[-1].matches
    for name, device in devices.items():
        if not _is_short(name, suffix):
            continue
        rest = suffix + name
        if matches(rest) and not device.get("excluded") and pattern.fits(device):
            found.append(prefix + rest)
        components = _components(device)
        if components and depth != 1:
            _search_whole(components, (prefix, f"{rest}."), pattern, depth and depth - 1, found)


def _prune(devices: Devices, prefix: str, wanted: set[str] | None, banned: set[str]) -> dict[str, Device]:
    kept: dict[str, Device] = {}
    for name, device in devices.items():
        if not _is_short(name, prefix):
            continue
        full = prefix + name
        components = _components(device)
        inner = _prune(components, f"{full}.", wanted, banned) if components else {}
        allowed = (wanted is None or full in wanted) and full not in banned and not device.get("excluded")
        if allowed or inner:
            kept[name] = _describe(device, inner, allowed=allowed)
    return kept


def _describe(device: Device, components: Devices, *, allowed: bool) -> Device:
    present = _components(device)
    same = len(components) == len(present) and all(components[name] is present[name] for name in components)
    if allowed and same and (present or "components" not in device):
        return device
    described = {key: value for key, value in device.items() if key != "components"}
    if not allowed:
        described["excluded"] = True
    if components:
        described["components"] = components
    return described
