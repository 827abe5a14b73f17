"""The reduced form of plan descriptions, from which simple clients build forms.

It is derived from full descriptions and never used to check anything.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import Any, cast

from queue_server.access.shapes import list_items

MAX_DEFAULT_LENGTH = 100_000
"""Characters; a longer default is not shown."""

_WORD = re.compile(r"\w+")
_MISSING = object()


def reduce_plans(plans: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return ``{name, description?, parameters?}`` for each plan, whose name lists must be expanded already.

    Each parameter is ``{name, kind, description?, type?, enum?, is_list?, default?, is_optional, min?, max?,
    step?}``; ``type`` is ``int``, ``float`` or ``str``, absent if none of them fits. A default that JSON
    cannot hold is left out, and the parameter stays optional.
    """
    return {name: _reduce_plan(name, description) for name, description in plans.items()}


def _reduce_plan(name: str, description: Mapping[str, Any]) -> dict[str, Any]:
    reduced: dict[str, Any] = {"name": description.get("name", name)}
    if "description" in description:
        reduced["description"] = description["description"]
    parameters = list_items(description.get("parameters"))
    if parameters:
        reduced["parameters"] = [
            _reduce_parameter(cast("Mapping[str, Any]", parameter))
            for parameter in parameters
            if isinstance(parameter, Mapping)
        ]
    return reduced


def _reduce_parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    reduced = {key: parameter[key] for key in ("name", "kind", "description") if key in parameter}
    annotation = parameter.get("annotation")
    if isinstance(annotation, Mapping):
        reduced |= _reduce_annotation(cast("Mapping[str, Any]", annotation))
    reduced["is_optional"] = "default" in parameter
    default = _read_default(parameter.get("default"))
    if default is not _MISSING:
        reduced["default"] = default
    for key in ("min", "max", "step"):
        number = _read_number(parameter.get(key))
        if number is not None:
            reduced[key] = number
    return reduced


def _reduce_annotation(annotation: Mapping[str, Any]) -> dict[str, Any]:
    reduced: dict[str, Any] = {}
    text = annotation.get("type")
    text = text.lower() if isinstance(text, str) else ""
    members = _list_members(annotation)
    if members:
        reduced |= {"type": "str", "enum": members}
    else:
        words = set(_WORD.findall(text))
        kind = next((word for word in ("float", "int", "str") if word in words), None)
        if kind:
            reduced["type"] = kind
    if text:
        reduced["is_list"] = text.startswith(("list[", "typing.list[")) and text.endswith("]")
    return reduced


def _list_members(annotation: Mapping[str, Any]) -> list[Any]:
    members: list[Any] = []
    for section in ("devices", "plans", "enums"):
        lists = annotation.get(section)
        if isinstance(lists, Mapping):
            for entries in cast("Mapping[str, object]", lists).values():
                members.extend(list_items(entries) or ())
    return members


def _read_default(text: object) -> object:
    if not isinstance(text, str) or len(text) > MAX_DEFAULT_LENGTH:
        return _MISSING
    try:
        return _plain(ast.literal_eval(text))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return _MISSING


def _plain(value: object) -> object:
    if value is None or isinstance(value, (str, int, float)):
        return value
    items = list_items(value)
    if items is not None:
        return [_plain(item) for item in items]
    if not isinstance(value, dict):
        raise TypeError(type(value).__name__)
    return {_text_key(key): _plain(item) for key, item in cast("dict[object, object]", value).items()}


def _text_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(type(key).__name__)
    return key


def _read_number(given: object) -> int | float | None:
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number
