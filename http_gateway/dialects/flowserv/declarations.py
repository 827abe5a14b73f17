"""Parameter declarations that clients of flowserv send, read into our form."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, cast

from queue_server.protocol.errors import ParameterError

_NAMES: Mapping[str, str] = {
    "dtype": "dtype",
    "name": "name",
    "index": "index",
    "isRequired": "is_required",
    "label": "label",
    "help": "help",
    "defaultValue": "default",
    "group": "group",
    "target": "target",
}
_KINDS: Mapping[str, str] = {"range": "int and float", "values": "select", "para": "list", "fields": "record"}
_RANGE = re.compile(r"([\[(])\s*([^,\s]*)\s*,\s*([^,\s]*)\s*([\])])")


def read_parameters(given: object, place: str = "parameters") -> list[dict[str, Any]]:
    """Return declarations in our form; what they must be is left to the manager.

    Raises:
        ParameterError: it is no list of objects, has unknown keys, or has a range of another form.
    """
    if not isinstance(given, list):
        raise ParameterError(f"{place!r} must be a list of declarations.", field=place)
    return [_read(each, f"{place}[{number}]") for number, each in enumerate(cast("list[object]", given))]


def _read(given: object, place: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ParameterError(f"{place!r} must be an object.", field=place)
    values = cast("dict[str, Any]", given)
    unknown = sorted(set(values) - set(_NAMES) - set(_KINDS))
    if unknown:
        raise ParameterError(f"{place!r} has the unknown key {unknown[0]!r}.", field=f"{place}.{unknown[0]}")
    read = {ours: values[theirs] for theirs, ours in _NAMES.items() if values.get(theirs) is not None}
    if values.get("range") is not None:
        read |= read_range(values["range"], f"{place}.range")
    if values.get("values") is not None:
        read["values"] = [
            _read_choice(each, f"{place}.values") for each in _read_list(values["values"], f"{place}.values")
        ]
    if values.get("para") is not None:
        read["item"] = _read(values["para"], f"{place}.para")
    if values.get("fields") is not None:
        read["fields"] = read_parameters(values["fields"], f"{place}.fields")
    return read


def _read_list(given: object, place: str) -> list[object]:
    if not isinstance(given, list):
        raise ParameterError(f"{place!r} must be a list.", field=place)
    return cast("list[object]", given)


def _read_choice(given: object, place: str) -> dict[str, Any]:
    values = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    if not {"name", "value"} <= set(values) <= {"name", "value", "isDefault"}:
        raise ParameterError(f"{place!r} must have objects with 'name', 'value' and 'isDefault'.", field=place)
    shown = {"name": values["name"], "value": values["value"]}
    return {**shown, "is_default": True} if values.get("isDefault") else shown


def read_range(text: object, place: str = "range") -> dict[str, float | int]:
    """Return the bounds that a text such as ``[0,10)`` says.

    Raises:
        ParameterError: it has another form.
    """
    found = _RANGE.fullmatch(text.strip()) if isinstance(text, str) else None
    try:
        if found is None:
            raise ValueError
        below, lowest, highest, above = found.groups()
        bounds: dict[str, float | int] = {}
        # The client writes infinity where there is no bound.
        if lowest not in ("", "-inf"):
            bounds["minimum" if below == "[" else "exclusive_minimum"] = _read_number(lowest)
        if highest not in ("", "inf"):
            bounds["maximum" if above == "]" else "exclusive_maximum"] = _read_number(highest)
    except ValueError as error:
        raise ParameterError(
            f"{place!r} must be a range such as [0,10], (0,10) or [0,), not {text!r}.", field=place
        ) from error
    return bounds


def _read_number(text: str) -> float | int:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return int(value) if value.is_integer() else value
