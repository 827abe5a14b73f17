"""Expands the lists of an annotation: names and search patterns become names of existing plans and devices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from device_worker.profile.errors import AnnotationError
from queue_server.protocol.descriptions import DeviceDescription

_NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
_DEPTH = re.compile(r"depth=([1-9]\d*)")
_DEVICE_TYPES: Mapping[str, Mapping[str, bool]] = {
    "": {},
    "__READABLE__": {"is_readable": True},
    "__FLYABLE__": {"is_flyable": True},
    "__DETECTOR__": {"is_readable": True, "is_movable": False},
    "__MOTOR__": {"is_readable": True, "is_movable": True},
}


@dataclass(frozen=True, slots=True)
class Level:
    """The expression for one level of a device tree, or for all that remains of the dotted name."""

    expression: re.Pattern[str]
    listed: bool = True
    is_rest: bool = False
    depth: int | None = None
    """Levels that an expression for the rest searches; None is all of them."""


@dataclass(frozen=True, slots=True)
class NamePattern:
    """One entry of a list: a plain ``name``, or ``levels`` of a search among devices with ``properties``."""

    text: str
    name: str = ""
    levels: tuple[Level, ...] = ()
    properties: tuple[tuple[str, bool], ...] = ()


def expand_devices(entries: Iterable[str], devices: Mapping[str, DeviceDescription]) -> list[str]:
    """Return the sorted names that the entries of a device list stand for; a plain name need not exist.

    Raises:
        AnnotationError: an entry is malformed.
    """
    names: set[str] = set()
    for pattern in map(parse_pattern, entries):
        names.update([pattern.name] if pattern.name else _search(pattern, pattern.levels, devices, ""))
    return _sort(names)


def expand_plans(entries: Iterable[str], plans: Iterable[str]) -> list[str]:
    """Return the sorted names that the entries of a plan list stand for; a plain name need not exist.

    Raises:
        AnnotationError: an entry is malformed, or uses what only lists of devices have.
    """
    existing = list(plans)
    names: set[str] = set()
    for pattern in map(parse_pattern, entries):
        if "." in pattern.name or len(pattern.levels) > 1 or pattern.properties or _has_depth(pattern):
            raise AnnotationError(f"{pattern.text!r} cannot be in a list of plans, which have no levels")
        found = [name for name in existing if pattern.levels and pattern.levels[0].expression.search(name)]
        names.update([pattern.name] if pattern.name else found)
    return _sort(names)


def parse_pattern(text: str) -> NamePattern:
    """Parse an entry: ``name.component``, or ``[__TYPE__]:[+-?]regex[:...][:depth=N]``.

    Raises:
        AnnotationError: it is malformed.
    """
    entry = text.replace(" ", "")
    if ":" not in entry:
        if not _NAME.fullmatch(entry):
            raise AnnotationError(f"{text!r} is not a name; a regular expression must begin with ':'")
        return NamePattern(text, name=entry)
    device_type, *parts = entry.split(":")
    if device_type not in _DEVICE_TYPES:
        raise AnnotationError(f"{text!r} begins with an unknown type: use one of {list(_DEVICE_TYPES)[1:]}")
    depth = _DEPTH.fullmatch(parts[-1]) if len(parts) > 1 and parts[-2].startswith("?") else None
    if depth:
        parts.pop()
    if any(part.startswith("?") for part in parts[:-1]):
        raise AnnotationError(f"{text!r}: only ':depth=N' with N from 1 may follow the expression after ':?'")
    levels = [_parse_level(text, part) for part in parts[:-1]]
    levels.append(_parse_level(text, parts[-1], is_last=True, depth=int(depth[1]) if depth else None))
    return NamePattern(text, levels=tuple(levels), properties=tuple(_DEVICE_TYPES[device_type].items()))


def _parse_level(text: str, part: str, *, is_last: bool = False, depth: int | None = None) -> Level:
    mark, expression = (part[0], part[1:]) if part[:1] in ("+", "-", "?") else ("", part)
    if not expression:
        raise AnnotationError(f"{text!r} has an empty level")
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise AnnotationError(f"{text!r} contains a bad regular expression: {error}") from error
    return Level(compiled, listed=is_last or mark != "-", is_rest=mark == "?", depth=depth)


def _has_depth(pattern: NamePattern) -> bool:
    return any(level.depth is not None for level in pattern.levels)


def _search(
    pattern: NamePattern, levels: tuple[Level, ...], devices: Mapping[str, DeviceDescription], prefix: str
) -> Iterator[str]:
    if not levels:
        return
    level, deeper = levels[0], levels[1:]
    if level.is_rest:
        yield from (prefix + rest for rest in _search_rest(pattern, level, devices, level.depth))
        return
    for name, device in devices.items():
        if not level.expression.search(name):
            continue
        if level.listed and _fits(pattern, device):
            yield prefix + name
        yield from _search(pattern, deeper, device.get("components", {}), f"{prefix}{name}.")


def _search_rest(
    pattern: NamePattern, level: Level, devices: Mapping[str, DeviceDescription], depth: int | None, prefix: str = ""
) -> Iterator[str]:
    if depth == 0:
        return
    for name, device in devices.items():
        if level.expression.search(prefix + name) and _fits(pattern, device):
            yield prefix + name
        remaining = None if depth is None else depth - 1
        yield from _search_rest(pattern, level, device.get("components", {}), remaining, f"{prefix}{name}.")


def _fits(pattern: NamePattern, device: DeviceDescription) -> bool:
    return not device.get("excluded") and all(device.get(key) is wanted for key, wanted in pattern.properties)


def _sort(names: Iterable[str]) -> list[str]:
    # Without regard to case; of names that differ in nothing else, the one in capitals first.
    return sorted(names, key=lambda name: (name.upper(), name[0].islower(), name))
