"""Parameter declarations in flowserv's form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Declaration = Mapping[str, Any]


def show_parameters(declared: Iterable[Declaration]) -> list[dict[str, Any]]:
    """Return declarations as flowserv has them, with their positions where they have no index."""
    return [_show(each, position) for position, each in enumerate(declared)]


def _show(declared: Declaration, position: int) -> dict[str, Any]:
    index = declared.get("index")
    shown: dict[str, Any] = {
        "dtype": declared["dtype"],
        "name": declared["name"],
        "index": position if index is None else index,
        "isRequired": bool(declared.get("is_required", False)),
    }
    for ours, theirs in (("label", "label"), ("help", "help"), ("default", "defaultValue"), ("group", "group")):
        value = declared.get(ours)
        if value is not None and (value != "" or ours == "default"):
            shown[theirs] = value
    return shown | _show_kind(declared)


def _show_kind(declared: Declaration) -> dict[str, Any]:
    match declared["dtype"]:
        case "file":
            return {"target": declared["target"]} if declared.get("target") else {}
        case "int" | "float":
            limits = show_range(declared)
            return {"range": limits} if limits else {}
        case "select":
            return {"values": [_show_choice(each) for each in declared.get("values") or ()]}
        case "list":
            return {"para": _show(declared["item"], 0)} if declared.get("item") else {}
        case "record":
            return {"fields": show_parameters(declared.get("fields") or ())}
        case _:
            return {}


def _show_choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"name": choice["name"], "value": choice["value"]}
    return {**shown, "isDefault": True} if choice.get("is_default") else shown


def show_range(declared: Declaration) -> str:
    """Return the bounds of a number such as ``[0,10]``, ``(0,10)`` or ``[0,)``; empty without any."""
    lowest, highest = declared.get("minimum"), declared.get("maximum")
    above, below = declared.get("exclusive_minimum"), declared.get("exclusive_maximum")
    if all(each is None for each in (lowest, highest, above, below)):
        return ""
    is_open_below = above is not None and (lowest is None or above >= lowest)
    is_open_above = below is not None and (highest is None or below <= highest)
    first, last = above if is_open_below else lowest, below if is_open_above else highest
    opening = "(" if is_open_below or first is None else "["
    closing = ")" if is_open_above or last is None else "]"
    return f"{opening}{'' if first is None else first},{'' if last is None else last}{closing}"
