"""Which devices a plan uses, as far as its description tells; and whether the list of claims of an item is one.

It knows the names of one lane only. What they are called in the facility is decided elsewhere.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from queue_server.access.catalog import Catalog
from queue_server.access.descriptions import Description
from queue_server.access.field_error import FieldError, join_errors, show_value
from queue_server.access.shapes import list_items
from queue_server.access.signature import Kind
from queue_server.protocol.descriptions import ARGUMENTS_ONLY
from queue_server.protocol.items import LONGEST_CLAIM, MOST_CLAIMS, Item


def check_claims(claims: object) -> None:
    """Check what an item lists as its claims; nothing is fine.

    Raises:
        ParameterError: it is no list of 1 to 64 names.
    """
    if claims is None:
        return
    names = list_items(claims)
    if names is None or not 1 <= len(names) <= MOST_CLAIMS:
        accepted = f"a list of 1 to {MOST_CLAIMS} names of devices; leave it out where the whole lane is meant"
        raise join_errors(
            "The claims of the item do not fit", [FieldError("item.claims", show_value(claims), accepted)]
        )
    accepted = f"a name of 1 to {LONGEST_CLAIM} characters"
    findings = [
        FieldError(f"item.claims[{index}]", show_value(name), accepted)
        for index, name in enumerate(names)
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_CLAIM
    ]
    if findings:
        raise join_errors("The claims of the item do not fit", findings)


def find_devices(item: Item, catalog: Catalog) -> frozenset[str] | None:
    """Return the devices that the plan of an item uses, without their components.

    They are those in its arguments, and those that its description names besides.

    Returns:
        Names in the lane; None where nobody knows, because the plan declares nothing or an argument is a plan.
    """
    description = catalog.plans_existing.get(item.name) if item.kind == "plan" else None
    declared = None if description is None else description.get("claims")
    if description is None or declared is None:
        return None
    besides = () if declared == ARGUMENTS_ONLY else list_items(declared)
    texts = _list_texts(item.content, description)
    if besides is None or texts is None or any(text in catalog.plans_existing for text in texts):
        return None
    devices = catalog.devices_existing
    used = {name for name in (text.partition(".")[0] for text in texts) if name in devices}
    return frozenset(used | {str(name).partition(".")[0] for name in besides})


def _list_texts(content: Mapping[str, Any], description: Description) -> set[str] | None:
    """Return every text in the arguments of a call, defaults included; None if a default cannot be read."""
    args: Sequence[object] = content.get("args") or ()
    kwargs: Mapping[str, object] = content.get("kwargs") or {}
    texts = {text for value in (*args, *kwargs.values()) for text in _walk(value)}
    for parameter in _left_to_default(description, len(args), kwargs):
        try:
            texts.update(_walk(ast.literal_eval(str(parameter["default"]))))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return texts


def _left_to_default(description: Description, given: int, named: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for index, entry in enumerate(cast("Sequence[Mapping[str, Any]]", description.get("parameters", ()))):
        by_position = index < given and entry.get("kind", {}).get("value") <= Kind.POSITIONAL_OR_KEYWORD
        if "default" in entry and not by_position and entry.get("name") not in named:
            yield entry


def _walk(value: object) -> Iterator[str]:
    waiting: deque[object] = deque([value])
    while waiting:
        current = waiting.popleft()
        if isinstance(current, str):
            yield current
        elif isinstance(current, Mapping):
            table = cast("Mapping[object, object]", current)
            waiting.extend(table.keys())
            waiting.extend(table.values())
        else:
            waiting.extend(list_items(current) or ())
