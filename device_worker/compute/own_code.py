"""Tracebacks of users' code, without the frames that led into it."""

from __future__ import annotations

import traceback
from pathlib import Path

from device_worker.excerpt import cut_traceback, format_user_traceback

_OWN_DIRECTORY = str(Path(__file__).parent)


def format_node_traceback(error: BaseException) -> str:
    """Return the formatted traceback of an error, beginning with the code that users have written."""
    return cut_traceback(format_user_traceback(error, lambda file: file.startswith(_OWN_DIRECTORY)))


def describe_error(error: BaseException) -> str:
    """Return the kind of an error and what it says, as Python shows it in the last line of a traceback."""
    return "".join(traceback.format_exception_only(error)).strip()
