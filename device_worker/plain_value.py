"""Values of startup code in the forms that JSON knows, within bounds; what has no such form is shown by its repr."""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Mapping
from typing import Any

from device_worker.excerpt import cut_message
from queue_server.protocol.codec import Bounds, decode, encode
from queue_server.protocol.errors import EnvelopeError

_log = logging.getLogger(__name__)

LIMIT_BYTES = 256 * 1024

_KEY = "value"


class NotPlainError(ValueError):
    """A value cannot be said in JSON, or not within the limit."""


def make_plain(value: object, limit_bytes: int = LIMIT_BYTES) -> Any:
    """Return a copy of a value that consists of JSON's own types; numbers that are not finite become null.

    Raises:
        NotPlainError: the value has a part that JSON does not know, or takes more than ``limit_bytes``.
    """
    if _is_larger(value, limit_bytes):
        raise NotPlainError(f"it takes more than {limit_bytes} bytes")
    try:
        text = encode({_KEY: value}, "json")
    except TypeError as error:
        raise NotPlainError(str(error)) from error
    if len(text) > limit_bytes:
        raise NotPlainError(f"it takes {len(text)} bytes, and at most {limit_bytes} are kept")
    try:
        return decode(text, Bounds(size_bytes=limit_bytes))[0][_KEY]
    except EnvelopeError as error:
        raise NotPlainError(str(error)) from error


def show(value: object) -> str:
    """Return a short text about a value of any kind; nothing that its own code raises is raised."""
    short = reprlib.Repr()
    short.maxlevel = 3
    short.maxstring = short.maxother = 1000
    return cut_message(short.repr(value))


def make_map_plain(values: Mapping[Any, Any], limit_bytes: int = LIMIT_BYTES) -> dict[str, Any]:
    """Return a plain copy of a map; a value that is not plain is shown as text, and what does not fit is left out."""
    plain: dict[str, Any] = {}
    left_bytes = limit_bytes
    for key, value in values.items():
        entry = {key if isinstance(key, str) else show(key): _make_plain_or_show(value)}
        try:
            plain |= make_plain(entry, left_bytes)
        except NotPlainError as error:
            _log.warning("%s is left out: %s", show(key), error)
        else:
            left_bytes -= len(encode(entry, "json"))
    return plain


def _make_plain_or_show(value: object) -> Any:
    try:
        return make_plain(value)
    except NotPlainError:
        return show(value)


def _is_larger(value: object, limit: int) -> bool:
    """Tell whether a value certainly takes more than ``limit`` bytes, without writing it; ends for cycles, too."""
    waiting, size = [value], 0
    while waiting and size <= limit:
        part = waiting.pop()
        size += 1
        if isinstance(part, str):
            size += len(part)
        elif isinstance(part, Mapping):
            size += len(part)
            waiting += part.values()
        elif isinstance(part, (list, tuple, set, frozenset)):
            size += len(part)
            if size <= limit:
                waiting += part
        else:
            # The number of elements of an array, each of which takes a byte or more.
            elements = getattr(part, "size", 0)
            size += elements if isinstance(elements, int) else 0
    return size > limit
