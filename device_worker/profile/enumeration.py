"""Turns values of clients into the members of enumerations that a plan's type hints ask for."""

from __future__ import annotations

import enum
import typing
from typing import Any

Enumerations = tuple[type[enum.Enum], ...]


def find_enumerations(hint: Any) -> Enumerations:
    """Return the enumerations that occur in a type hint, at any depth."""
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return (hint,)
    return tuple(found for part in typing.get_args(hint) for found in find_enumerations(part))


def convert_members(value: Any, enumerations: Enumerations) -> Any:
    """Return a value with members in place of the values of members, in lists, tuples and maps alike.

    What is not the value of a member stays as it is.
    """
    if not enumerations:
        return value
    if isinstance(value, (list, tuple)):
        return type(value)([convert_members(part, enumerations) for part in value])
    if isinstance(value, dict):
        return {key: convert_members(part, enumerations) for key, part in value.items()}
    members = (member for enumeration in enumerations for member in enumeration)
    return next((member for member in members if _is_value(member, value)), value)


def _is_value(member: enum.Enum, value: object) -> bool:
    # True equals 1 in Python, but a client that sends one does not mean the other.
    return type(member.value) is type(value) and member.value == value
