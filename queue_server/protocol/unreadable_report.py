"""What can be said of a numbered report of a worker that cannot be read. Decides nothing."""

from __future__ import annotations

from typing import Any, cast

import msgpack  # pyright: ignore[reportMissingTypeStubs]
from msgspec import Struct
from pydantic import TypeAdapter

from queue_server.protocol.codec import WORKER_BOUNDS
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.link_values import ToldAttempt

LONGEST_REASON = 1000
"""Characters: what could not be read may be repeated in the reason."""

# msgpack ships no types.
_msgpack: Any = msgpack
_LONGEST_TEXT = 1000
_MOST_FIELDS = 64
_ATTEMPT: TypeAdapter[AttemptKey] = TypeAdapter(ToldAttempt)


class UnreadableReport(Struct, frozen=True):
    """A report of which only its number, its kind, and sometimes what it is about are known."""

    number: int
    kind: str
    reason: str
    attempt: AttemptKey | None = None
    task_uid: str = ""


def recognise_report(frame: bytes, reason: str) -> UnreadableReport | None:
    """Return what a frame that cannot be read for ``reason`` says of itself; None if it has no number.

    Number, kind, and what a report is about come first in its frame, so that whatever is wrong behind them does not
    matter.
    """
    fields = _read_first_fields(frame)
    number, kind, task_uid = fields.get("number"), fields.get("kind"), fields.get("task_uid")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1 or not isinstance(kind, str):
        return None
    return UnreadableReport(
        number,
        kind,
        reason[:LONGEST_REASON],
        _read_attempt(fields.get("attempt")),
        task_uid if isinstance(task_uid, str) else "",
    )


def _read_first_fields(frame: bytes) -> dict[str, Any]:
    """Return the leading fields of a map, up to the first that is no small value."""
    fields: dict[str, Any] = {}
    unpacker = _msgpack.Unpacker(
        max_buffer_size=WORKER_BOUNDS.size_bytes,
        max_str_len=_LONGEST_TEXT,
        max_bin_len=0,
        max_array_len=0,
        max_map_len=_MOST_FIELDS,
        max_ext_len=0,
    )
    try:
        unpacker.feed(frame)
        for _ in range(unpacker.read_map_header()):
            name = unpacker.unpack()
            if not isinstance(name, str):
                break
            fields[name] = unpacker.unpack()
    except (ValueError, TypeError, RecursionError, _msgpack.OutOfData, _msgpack.UnpackException):
        return fields
    return fields


def _read_attempt(value: object) -> AttemptKey | None:
    try:
        return _ATTEMPT.validate_python(cast("dict[str, Any]", value)) if isinstance(value, dict) else None
    except ValueError:
        return None
