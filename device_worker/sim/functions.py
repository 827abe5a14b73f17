"""Functions that clients may call in the worker: one that takes time, and a buffer that is filled and emptied."""

from __future__ import annotations

import logging
import time as clock
from typing import Any

_log = logging.getLogger(__name__)

_buffer: list[Any] = []


def function_sleep(time: float) -> dict[str, Any]:
    """Wait for ``time`` seconds and say so."""
    _log.info("function_sleep waits for %s s", time)
    clock.sleep(time)
    return {"success": True, "time": time}


def push_buffer_element(element: Any) -> None:
    """Put an element at the end of the buffer."""
    _buffer.append(element)


def pop_buffer_element() -> Any:
    """Take the first element out of the buffer.

    Raises:
        IndexError: the buffer is empty.
    """
    return _buffer.pop(0)


def clear_buffer() -> None:
    """Empty the buffer."""
    _buffer.clear()
