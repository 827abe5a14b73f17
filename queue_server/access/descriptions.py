"""Plan descriptions as a user group sees them: lists of names expanded to what the group may use.

The descriptions that come in are never modified; unchanged parts are shared.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, cast

from queue_server.access.devices import Devices, find_names
from queue_server.access.names import LONGEST_NAME
from queue_server.access.patterns import NamePattern, parse_device_pattern, parse_name_pattern
from queue_server.access.shapes import list_items
from queue_server.protocol.errors import ParameterError

_log = logging.getLogger(__name__)

Description = Mapping[str, Any]
Plans = Mapping[str, Description]


class Expansion:
    """Expands the name lists of plan descriptions with the objects of one user group.

    A list of plain names keeps its order and loses what the group may not use; one with patterns is sorted.
    """

    def __init__(self, devices: Devices, device_names: Collection[str], plan_names: Collection[str]) -> None:
        self._devices = devices
        self._names: Mapping[str, Collection[str]] = {"devices": device_names, "plans": plan_names}
        # Many plans of a beamline share the same long list, so each is worked out once.
        self._known: dict[tuple[str, tuple[object, ...]], list[str]] = {}

    def expand(self, description: Description) -> Description:
        """Return the description with the name lists of all its parameters expanded."""
        parameters = list_items(description.get("parameters"))
        if parameters is None:
            return description
        return {**description, "parameters": [self._expand_parameter(parameter) for parameter in parameters]}

    def _expand_parameter(self, parameter: object) -> object:
        described = _mapping(parameter)
        annotation = _mapping(described.get("annotation"))
        changed: dict[str, object] = {}
        for section in ("devices", "plans", "enums"):
            lists = _mapping(annotation.get(section))
            if lists:
                changed[section] = {name: self._expand_list(section, members) for name, members in lists.items()}
        return {**described, "annotation": {**annotation, **changed}} if changed else parameter

    def _expand_list(self, section: str, members: object) -> list[Any]:
        entries = tuple(list_items(members) or ())
        if section == "enums":
            return list(entries)
        try:
            known = self._known.get((section, entries))
        except TypeError:
            entries = tuple(entry for entry in entries if isinstance(entry, str))
            known = self._known.get((section, entries))
        if known is None:
            known = self._known[section, entries] = self._find(section, entries)
        return known

    def _find(self, section: str, entries: tuple[object, ...]) -> list[str]:
        usable = self._names[section]
        if not any(isinstance(entry, str) and ":" in entry for entry in entries):
            return [entry for entry in entries if isinstance(entry, str) and entry in usable]
        found: set[str] = set()
        for entry in entries:
            found.update(self._find_entry(section, entry))
        return sorted((name for name in found if name in usable), key=_order)

    def _find_entry(self, section: str, entry: object) -> list[str]:
        try:
            pattern = parse_device_pattern(entry) if section == "devices" else parse_name_pattern(entry)
        except ParameterError as error:
            _log.warning("An entry in the annotation of a plan is left out. %s", error.message)
            return []
        return find_names(self._devices, pattern) if section == "devices" else self._find_plans(pattern)

    def _find_plans(self, pattern: NamePattern) -> list[str]:
        return [name for name in self._names["plans"] if len(name) <= LONGEST_NAME and pattern.matches(name)]


def _order(name: str) -> tuple[str, bool]:
    return name.upper(), name[:1].islower()


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
