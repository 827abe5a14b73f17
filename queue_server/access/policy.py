"""What each user group may use, as written by an administrator: checks, compiles and keeps the permissions.

It decides about names only; which plans and devices exist is the catalog's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Self, cast

import yaml
from msgspec import Struct

from queue_server.access.field_error import show_value
from queue_server.access.names import LONGEST_NAME, require_name
from queue_server.access.patterns import NamePattern, parse_device_pattern, parse_name_pattern
from queue_server.access.yaml_text import read_yaml
from queue_server.protocol.errors import ParameterError

ROOT = "root"
FIELD = "user_group_permissions"
MAX_SEARCHES = 1000
"""Regular expressions in one list. Plain names are not limited, because they cost one look-up each."""

_Parse = Callable[[object], NamePattern]
_OBJECTS: Mapping[str, _Parse] = {
    "plans": parse_name_pattern,
    "devices": parse_device_pattern,
    "functions": parse_name_pattern,
}
_LISTS = tuple(f"{verb}_{kind}" for kind in _OBJECTS for verb in ("allowed", "forbidden"))
_DEFAULT: dict[str, Any] = {
    "user_groups": {
        ROOT: {
            "allowed_plans": [None],
            "forbidden_plans": [":^_"],
            "allowed_devices": [None],
            "forbidden_devices": [":^_:?.*"],
            "allowed_functions": [None],
            "forbidden_functions": [":^_"],
        },
        "primary": {
            "allowed_plans": [None],
            "forbidden_plans": [None],
            "allowed_devices": [None],
            "forbidden_devices": [None],
            "allowed_functions": [None],
            "forbidden_functions": [None],
        },
    }
}


class Rule(Struct, frozen=True):
    """What a group may use of one type of object; ``allowed`` None means all, and forbidden entries win."""

    allowed: tuple[NamePattern, ...] | None = ()
    forbidden: tuple[NamePattern, ...] = ()

    def allows(self, name: str) -> bool:
        """Tell whether a plan or function of that name may be used; one of more than 128 characters never may."""
        if len(name) > LONGEST_NAME:
            # Nor is it compared with the forbidden entries: that would cost whatever the name is long.
            return False
        if self.allowed is not None and not any(pattern.matches(name) for pattern in self.allowed):
            return False
        return not any(pattern.matches(name) for pattern in self.forbidden)

    def select(self, names: Iterable[str]) -> list[str]:
        """Return the allowed ones of some plan or function names, in their order."""
        return [name for name in names if self.allows(name)]


class GroupRules(Struct, frozen=True):
    """The compiled permissions of one user group."""

    plans: Rule
    devices: Rule
    functions: Rule


@dataclass(frozen=True, slots=True)
class Policy:
    """The permissions of all user groups: a frozen value, equal to another one with the same text."""

    source: Mapping[str, Any]
    rules: Mapping[str, GroupRules] = field(compare=False, repr=False)

    @classmethod
    def from_mapping(cls, data: object) -> Self:
        """Check and compile permissions of the form ``{"user_groups": {group: {list: [entry, ...]}}}``.

        Raises:
            ParameterError: the form is wrong, ``root`` is missing, or an entry cannot be used; the message
                names the group, the list and the entry.
        """
        source = deepcopy(_require_mapping(data, "User group permissions"))
        _refuse_unknown(source, ("user_groups",), "User group permissions")
        groups = _require_mapping(source.get("user_groups"), "'user_groups' of the user group permissions")
        if ROOT not in groups:
            raise _error(f"User group permissions lack the group {ROOT!r}, which limits all others")
        return cls(source, {str(group): _compile_group(group, lists) for group, lists in groups.items()})

    @classmethod
    def from_yaml(cls, text: str | bytes) -> Self:
        """Read permissions from the text of a YAML (or JSON) file.

        Raises:
            ParameterError: the text is not YAML, or does not say what ``from_mapping`` needs.
        """
        try:
            data = read_yaml(text)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise _error(f"User group permissions cannot be read as YAML: {error}") from error
        return cls.from_mapping(data)

    @classmethod
    def default(cls) -> Self:
        """Return what holds without a file: ``root`` and ``primary`` may use all but names like ``_x``."""
        return cls.from_mapping(_DEFAULT)

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the user groups, in the order of the source."""
        return tuple(self.rules)

    def as_mapping(self) -> dict[str, Any]:
        """Return a copy of the permissions as they were given."""
        return deepcopy(dict(self.source))

    def rules_of(self, group: str) -> GroupRules:
        """Return the compiled permissions of a group.

        Raises:
            ParameterError: there is no such group; names it and the known ones.
        """
        rules = self.rules.get(group) if isinstance(cast(object, group), str) else None
        if rules is None:
            known = ", ".join(repr(name) for name in self.groups)
            raise ParameterError(f"Unknown user group: {show_value(group)}. Known groups: {known}", field="user_group")
        return rules

    def allows_function(self, name: str, group: str) -> bool:
        """Tell whether a group may execute a function; both its own and the root permissions must allow it.

        Raises:
            ParameterError: there is no such group.
        """
        return self.rules_of(group).functions.allows(name) and self.rules[ROOT].functions.allows(name)


def _compile_group(group: object, lists: object) -> GroupRules:
    if not isinstance(group, str):
        raise _error(f"User group permissions: the group name {show_value(group)} is not a text")
    require_name(group, FIELD)
    label = f"User group {show_value(group)}"
    given = _require_mapping(lists, label)
    _refuse_unknown(given, _LISTS, label)
    rules = {
        kind: Rule(
            allowed=_compile_list(group, f"allowed_{kind}", given, parse),
            forbidden=_compile_list(group, f"forbidden_{kind}", given, parse) or (),
        )
        for kind, parse in _OBJECTS.items()
    }
    return GroupRules(**rules)


def _compile_list(group: str, name: str, lists: Mapping[str, object], parse: _Parse) -> tuple[NamePattern, ...] | None:
    label = f"User group {show_value(group)}, list {name!r}"
    entries = lists.get(name, [])
    if not isinstance(entries, (list, tuple)):
        raise _error(f"{label}: {show_value(entries)} is not a list of names and patterns")
    entries = cast("list[object] | tuple[object, ...]", entries)
    # A null in front stands for "all" (allowed) or "none" (forbidden), and what follows it is ignored.
    if entries and entries[0] is None:
        return None
    compiled = tuple(_compile_entry(label, entry, parse) for entry in entries)
    if sum(not pattern.is_plain for pattern in compiled) > MAX_SEARCHES:
        raise _error(f"{label}: more than {MAX_SEARCHES} regular expressions; join some of them with '|'")
    return compiled


def _compile_entry(label: str, entry: object, parse: _Parse) -> NamePattern:
    if entry is None:
        raise _error(f"{label}: null may only be the first entry")
    try:
        return parse(entry)
    except ParameterError as error:
        raise _error(f"{label}: {error.message}") from error


def _require_mapping(value: object, label: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise _error(f"{label} must be a mapping, not {show_value(value)}")
    return cast("Mapping[str, object]", value)


def _refuse_unknown(given: Mapping[str, object], known: tuple[str, ...], label: str) -> None:
    unknown = [key for key in given if key not in known]
    if unknown:
        raise _error(f"{label}: unknown key {show_value(unknown[0])}; known: {', '.join(known)}")


def _error(message: str) -> ParameterError:
    return ParameterError(message, field=FIELD)
