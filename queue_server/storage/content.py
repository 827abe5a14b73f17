"""JSON as the stores keep it: what is read is equal to what was written, except that tuples become lists.

It knows no rows and no tables; both stores use it, so that they agree on what can be stored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, cast

import orjson

from queue_server.protocol.errors import ParameterError

# orjson writes null for what JSON has no number for, and reads long integers as floats. Text with such values is
# written and read by the standard library; a line break in front tells the two apart, for neither of them writes one.
_EXTENDED = "\n"


def encode(value: Mapping[str, Any]) -> str:
    """Return ``value`` as JSON; keys that are not text become text.

    Raises:
        ParameterError: a value is of a type that JSON does not know.
    """
    try:
        text = orjson.dumps(value, default=_plain).decode()
    except TypeError:
        return _encode_extended(value)
    return _encode_extended(value) if "null" in text and _has_odd_number(value) else text


def decode(text: str) -> dict[str, Any]:
    """Return the map that was encoded as ``text``."""
    return json.loads(text) if text.startswith(_EXTENDED) else orjson.loads(text)


def decode_all(texts: list[str]) -> list[dict[str, Any]]:
    """Return the maps that were encoded as ``texts``; much faster than one by one."""
    joined = ",".join(texts)
    if is_extended(joined):
        return [decode(text) for text in texts]
    return orjson.loads(f"[{joined}]")


def is_extended(texts: str) -> bool:
    """Whether one of several texts, joined, says what only ``decode`` can read."""
    return _EXTENDED in texts


def extend(text: str, fields: Mapping[str, str]) -> str:
    """Return an encoded map with ``fields``, which are encoded too, instead of those that it has by these names.

    What is extended stays so: it must still be decoded one by one.
    """
    for name in fields:
        # It may be the name of something inside; then this costs only time.
        if f'"{name}":' in text and not is_extended(text):
            text = encode({key: value for key, value in decode(text).items() if key != name})
    more = ",".join([f'"{name}":{value}' for name, value in fields.items()])
    return f"{text[:-1]}{',' if len(text) > 2 else ''}{more}}}"


def _encode_extended(value: Mapping[str, Any]) -> str:
    try:
        return _EXTENDED + json.dumps(value, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(f"The value cannot be stored as JSON: {error}.") from error


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[Any, Any]", value))
    raise TypeError(f"{type(value).__name__} is not a type of JSON")


def _has_odd_number(value: object) -> bool:
    """Whether a number is not finite, at any depth."""
    level: list[Any] = [value]
    while level:
        found = level.pop()
        if isinstance(found, float) and not math.isfinite(found):
            return True
        if isinstance(found, Mapping):
            level.extend(cast("Mapping[Any, Any]", found).values())
        elif isinstance(found, (list, tuple)):
            level.extend(cast("list[Any]", found))
    return False
