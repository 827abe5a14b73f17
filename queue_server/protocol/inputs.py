"""Inputs of a processing graph that name a file by the item that produces it, in place of the id of an artifact.

In the arguments (``kwargs``) of a graph stands a map of ``item_uid`` and ``file``, the name of a file or a pattern of
names. Alone it is one file; in a list it is all files that fit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from msgspec import Struct

LONGEST_PATTERN = 256
"""Characters of the name or pattern of a file."""

_KEYS = frozenset({"item_uid", "file"})


class Reference(Struct, frozen=True):
    """A file by the item that produces it; without ``file`` it is the only one that the item has produced.

    ``field`` is where the reference stands in its item, ``is_listed`` whether it may stand for several files.
    """

    item_uid: str
    file: str | None
    field: str
    is_listed: bool


def replace_references(content: Mapping[str, Any], put: Callable[[Reference], Sequence[object]]) -> Mapping[str, Any]:
    """Return the content of an item with something else in the place of each reference; that of others as it is.

    Args:
        content: a map is a reference only if the item comes after (``after``) the one that it names.
        put: returns what stands there; in a list that may be any number of values, elsewhere it is exactly one.
    """
    after: Sequence[str] | None = content.get("after")
    kwargs: Mapping[str, object] | None = content.get("kwargs")
    if not after or not kwargs or content.get("item_type") != "dag":
        return content
    filled = {name: _fill(value, f"item.kwargs.{name}", after, put) for name, value in kwargs.items()}
    return {**content, "kwargs": filled}


def _fill(value: object, field: str, after: Collection[str], put: Callable[[Reference], Sequence[object]]) -> object:
    if not isinstance(value, list):
        reference = _read(value, field, after, is_listed=False)
        return value if reference is None else put(reference)[0]
    filled: list[object] = []
    for index, each in enumerate(cast("list[object]", value)):
        reference = _read(each, f"{field}[{index}]", after, is_listed=True)
        filled += [each] if reference is None else put(reference)
    return filled


def _read(value: object, field: str, after: Collection[str], *, is_listed: bool) -> Reference | None:
    if not isinstance(value, dict):
        return None
    given = cast("dict[str, Any]", value)
    if given.keys() - _KEYS or given.get("item_uid") not in after:
        return None
    return Reference(given["item_uid"], given.get("file"), field, is_listed)
