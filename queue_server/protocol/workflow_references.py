"""References in the steps of a workflow, such as ``$[[exposure]]`` or ``$[[fast?short:long]]``, and what replaces them.

A string that is exactly one reference becomes the value with its type; within a longer string it becomes text. A
reference to what has no value takes its entry out of the map or list in which it stands alone, and is nothing within
a string. The two texts of ``$[[name?yes:no]]`` are taken as they stand; ``no`` where there is no value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from msgspec import Struct

OPENING: Final = "$[["
_REFERENCE = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
_ABSENT: Final = object()


class FoundReference(Struct, frozen=True):
    """A reference where it stands: its text, and the name in it; None if it cannot be read."""

    path: str
    text: str
    name: str | None


def find_references(value: object, path: str) -> Iterator[FoundReference]:
    """Yield the references in a value and in everything below it; ``path`` is where it stands."""
    if isinstance(value, str):
        if OPENING in value:
            yield from _find_in_text(value, path)
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[str, object]", value).items():
            yield from find_references(each, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(cast("list[object]", value)):
            yield from find_references(each, f"{path}[{index}]")


def _find_in_text(text: str, path: str) -> Iterator[FoundReference]:
    for match in _REFERENCE.finditer(text):
        name, question, rest = match[1].partition("?")
        is_readable = bool(name.strip()) and OPENING not in match[1] and (not question or ":" in rest)
        yield FoundReference(path, match[0], name.strip() if is_readable else None)
    if OPENING in _REFERENCE.sub("", text):
        yield FoundReference(path, text, None)


def fill_references(value: Any, values: Mapping[str, object]) -> Any:
    """Return a value with other values in the place of its references; what has no reference is returned as it is.

    Args:
        value: a value of JSON, in which all references can be read.
        values: what the names stand for; a name that is not among them has no value.
    """
    filled = _fill(value, values)
    return None if filled is _ABSENT else filled


def _fill(value: Any, values: Mapping[str, object]) -> Any:
    if isinstance(value, str):
        return _fill_text(value, values) if OPENING in value else value
    if isinstance(value, dict):
        pairs = ((key, _fill(each, values)) for key, each in cast("dict[str, Any]", value).items())
        return {key: each for key, each in pairs if each is not _ABSENT}
    if isinstance(value, list | tuple):
        return [each for entry in cast("list[Any]", value) if (each := _fill(entry, values)) is not _ABSENT]
    return value


def _fill_text(text: str, values: Mapping[str, object]) -> object:
    whole = _REFERENCE.fullmatch(text)
    # The pattern stretches over several references where the text ends with one.
    if whole is not None and "]]" not in whole[1]:
        return _resolve(whole[1], values)
    return _REFERENCE.sub(lambda match: _show(_resolve(match[1], values)), text)


def _resolve(inner: str, values: Mapping[str, object]) -> object:
    name, question, rest = inner.partition("?")
    found = values.get(name.strip(), _ABSENT)
    if not question:
        return found
    yes, _, no = rest.partition(":")
    return (no if found is _ABSENT or not found else yes).strip()


def _show(value: object) -> str:
    if value is _ABSENT or value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
