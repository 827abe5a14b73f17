"""JSON without what readers understand in different ways; equal bodies have equal fingerprints."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import orjson

from http_gateway.errors import BodyError

DEEPEST: Final = 20
"""How deep a body may be nested; on the way to the manager more is put around it."""


class _TwiceError(ValueError):
    """An object has the same key twice."""


def read_json(data: bytes | str, subject: str = "The body") -> Any:
    """Return the value in ``data``.

    Raises:
        BodyError: it is no JSON of which there is one reading only, or is nested too deeply.
    """
    try:
        # It refuses NaN, Infinity, numbers that are too large, halves of surrogate pairs, and what is not Unicode. Of
        # equal keys it keeps the last, and it rounds long numbers.
        orjson.loads(data)
        value = json.loads(data, object_pairs_hook=_read_pairs)
    except _TwiceError as error:
        raise BodyError(f"{subject} has the key {error} twice in one object.", kind="json_invalid") from None
    except RecursionError:
        raise _too_deep(subject) from None
    except ValueError as error:
        raise BodyError(f"{subject} is not valid JSON: {error}.", kind="json_invalid") from None
    if not _is_shallow(value):
        raise _too_deep(subject)
    return value


def fingerprint_of(value: Any) -> str:
    """Return the SHA-256 of a value of JSON, whatever the order of its keys and the white space were."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _too_deep(subject: str) -> BodyError:
    return BodyError(f"{subject} is nested deeper than {DEEPEST} levels.", kind="json_invalid")


def _read_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        raise _TwiceError(repr(max(names, key=names.__getitem__)[:100]))
    return found


def _is_shallow(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [child for each in level for child in _children(each) if isinstance(child, (dict, list))]
        if not level:
            return True
    return False


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("Mapping[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()
