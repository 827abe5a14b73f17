"""Arguments of runs in flowserv's form: a list of names and values; files and records have a form of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from http_gateway.dialects.flowserv.parameters import Declaration
from queue_server.protocol.errors import ParameterError

_FILE = "$file"


def show_arguments(arguments: Mapping[str, Any], declared: Iterable[Declaration]) -> list[dict[str, Any]]:
    """Return the arguments of a run as flowserv lists them, in the order in which they were given."""
    known = {each["name"]: each for each in declared}
    return [{"name": name, "value": _show_value(value, known.get(name))} for name, value in arguments.items()]


def _show_value(value: Any, declared: Declaration | None) -> Any:
    if declared is None or value is None:
        return value
    match declared["dtype"], value:
        case "file", dict():
            given = cast("dict[str, Any]", value)
            target = {"targetPath": given["target"]} if given.get("target") else {}
            # A file that was named by its content has no other id.
            return {"type": _FILE, "value": {"fileId": given.get("file_id") or given.get("artifact_id"), **target}}
        case "file", str():
            return {"type": _FILE, "value": {"fileId": value}}
        case "list", list():
            return [_show_value(each, declared.get("item")) for each in cast("list[Any]", value)]
        case "record", dict():
            return show_arguments(cast("dict[str, Any]", value), declared.get("fields") or ())
        case _:
            return value


def read_arguments(given: object, declared: Iterable[Declaration], place: str = "arguments") -> dict[str, Any]:
    """Return the arguments that a list of names and values has; what the values must be is left to the manager.

    Raises:
        ParameterError: it is no such list, or a name is there twice.
    """
    if not isinstance(given, list):
        raise ParameterError(f"{place!r} must be a list of objects with 'name' and 'value'.", field=place)
    known = {each["name"]: each for each in declared}
    found: dict[str, Any] = {}
    for number, entry in enumerate(cast("list[object]", given)):
        name, value = _read_entry(entry, f"{place}[{number}]")
        if name in found:
            raise ParameterError(f"{place!r} has {name!r} twice.", field=f"{place}[{number}].name")
        found[name] = _read_value(value, known.get(name), f"{place}[{number}].value")
    return found


def _read_entry(entry: object, place: str) -> tuple[str, Any]:
    values = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    if set(values) != {"name", "value"} or not isinstance(values["name"], str):
        raise ParameterError(f"{place!r} must have 'name', which is text, and 'value', and nothing else.", field=place)
    return values["name"], values["value"]


def _read_value(value: Any, declared: Declaration | None, place: str) -> Any:
    match (declared or {}).get("dtype"), value:
        case "file", _:
            return _read_file(value, place)
        case "list", list():
            item = cast("Declaration", declared).get("item")
            return [
                _read_value(each, item, f"{place}[{number}]") for number, each in enumerate(cast("list[Any]", value))
            ]
        case "record", list():
            return read_arguments(cast("list[Any]", value), cast("Declaration", declared).get("fields") or (), place)
        case _:
            return value


def _read_file(value: Any, place: str) -> dict[str, str]:
    outer = _as_object(value)
    known = _as_object(outer.get("value"))
    file_id, target = known.get("fileId"), known.get("targetPath")
    has_form = set(outer) == {"type", "value"} and outer["type"] == _FILE and not set(known) - {"fileId", "targetPath"}
    if not has_form or not isinstance(file_id, str) or not isinstance(target, str | None):
        raise _no_file(place)
    return {"file_id": file_id, **({"target": target} if target else {})}


def _as_object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _no_file(place: str) -> ParameterError:
    form = '{"type": "$file", "value": {"fileId": ..., "targetPath": ...}}'
    return ParameterError(
        f"{place!r} must be a file that was uploaded, as {form}; 'targetPath' is optional.", field=place
    )
