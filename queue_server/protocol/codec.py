"""JSON and msgpack, recognised from the first byte, decoded within bounds.

A message is one map. JSON objects begin with ``{`` or white space, msgpack maps with 0x80-0x8f, 0xde or
0xdf, so the two cannot be confused. What exceeds a bound is refused before it costs memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast

import msgpack  # pyright: ignore[reportMissingTypeStubs]
import orjson
from msgspec import Struct

from queue_server.protocol.errors import EnvelopeError

Encoding = Literal["json", "msgpack"]

# msgpack ships no types.
_msgpack: Any = msgpack

_JSON_START = frozenset(b"{ \t\r\n")
_MSGPACK_START = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))


class Bounds(Struct, frozen=True):
    """How large a decoded message may be."""

    size_bytes: int = 8 * 1024 * 1024
    depth: int = 32
    elements: int = 500_000


CLIENT_BOUNDS = Bounds()
WORKER_BOUNDS = Bounds(size_bytes=1024 * 1024)


def encode(value: Mapping[str, Any], encoding: Encoding = "json") -> bytes:
    """Return ``value`` as bytes; numbers that are not finite become null in JSON.

    Raises:
        TypeError: a value is of a type that the encoding does not know, or beyond what it can carry.
    """
    try:
        if encoding == "msgpack":
            return cast(bytes, _msgpack.packb(value, use_bin_type=True, default=plain_form))
        return _write_json(value)
    except (ValueError, RecursionError) as error:
        raise TypeError(f"The value cannot be put into a {encoding} message: {error}") from error


def _write_json(value: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(value, default=plain_form, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # orjson stops at 64-bit integers, Python and its clients do not.
        return json.dumps(_without_odd_numbers(value)).encode()


def _without_odd_numbers(value: object) -> object:
    """Return a plain copy in which null stands for numbers that are not finite, as orjson does it."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_odd_numbers(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_without_odd_numbers(item) for item in cast("Iterable[object]", value)]
    return _without_odd_numbers(plain_form(value))


def decode(data: bytes, bounds: Bounds = CLIENT_BOUNDS) -> tuple[dict[str, Any], Encoding]:
    """Return the map in ``data`` and the encoding it came in.

    Raises:
        EnvelopeError: ``data`` is empty, too large, too deep, malformed, or not a map.
    """
    if len(data) > bounds.size_bytes:
        raise EnvelopeError(f"The message has {len(data)} bytes; at most {bounds.size_bytes} are accepted.")
    encoding = recognise(data)
    try:
        value = _read_json(data, bounds) if encoding == "json" else _read_msgpack(data, bounds)
    except EnvelopeError:
        raise
    except (ValueError, TypeError, RecursionError, _msgpack.UnpackException) as error:
        raise EnvelopeError(f"The message is not valid {encoding}.") from error
    if not isinstance(value, dict):
        raise EnvelopeError(f"The message must be a map, not {type(value).__name__}.")
    if not _is_flat(data, encoding, bounds):
        _check_depth(cast("dict[Any, Any]", value), bounds)
    return cast("dict[str, Any]", value), encoding


def recognise(data: bytes) -> Encoding:
    """Return the encoding that the first byte of ``data`` announces.

    Raises:
        EnvelopeError: it announces neither a JSON object nor a msgpack map.
    """
    if data and data[0] in _JSON_START:
        return "json"
    if data and data[0] in _MSGPACK_START:
        return "msgpack"
    raise EnvelopeError("The message is neither a JSON object nor a msgpack map.")


def _read_json(data: bytes, bounds: Bounds) -> object:
    # Every element follows a comma or opens a container, so this never counts too few.
    if len(data) > bounds.elements:
        most = data.count(b",") + data.count(b"[") + data.count(b"{")
        if most > bounds.elements:
            raise EnvelopeError(f"The message has more than {bounds.elements} elements.")
    return orjson.loads(data)


def _read_msgpack(data: bytes, bounds: Bounds) -> object:
    options: dict[str, Any] = {"raw": False, "strict_map_key": False, "timestamp": 1, "ext_hook": _refuse_extension}
    if len(data) <= bounds.elements:
        return _msgpack.unpackb(data, **options)
    left = bounds.elements
    # A container that is too long alone is refused by its header, before anything is made for it.
    options |= {"max_array_len": bounds.elements, "max_map_len": bounds.elements}

    def count(container: Any) -> Any:
        nonlocal left
        left -= 1 + len(container)
        if left < 0:
            raise EnvelopeError(f"The message has more than {bounds.elements} elements.")
        return container

    return _msgpack.unpackb(data, **options, object_hook=count, list_hook=count)


def _refuse_extension(code: int, _: bytes) -> object:
    raise EnvelopeError(f"The message has a value of the msgpack extension type {code}, which has no meaning here.")


def _is_flat(data: bytes, encoding: Encoding, bounds: Bounds) -> bool:
    """Whether there are too few containers for too much depth."""
    return encoding == "json" and data.count(b"{") + data.count(b"[") <= bounds.depth


def _check_depth(value: object, bounds: Bounds) -> None:
    level: list[object] = [value]
    for _ in range(bounds.depth):
        level = [child for container in level for child in _children(container) if isinstance(child, (dict, list))]
        if not level:
            return
    raise EnvelopeError(f"The message is nested deeper than {bounds.depth} levels.")


def _children(container: object) -> Iterable[object]:
    if isinstance(container, dict):
        return cast("dict[object, object]", container).values()
    return cast("list[object]", container)


def plain_form(value: object) -> object:
    """Return a plain form of the few extra types that plans and devices put into messages."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    if isinstance(value, (set, frozenset, tuple)):
        return list(cast("Iterable[object]", value))
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        return to_list()
    raise TypeError(f"{type(value).__name__} cannot be put into a message")
