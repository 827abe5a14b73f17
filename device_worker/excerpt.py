"""What a report may hold of errors in users' code: tracebacks without our own frames, texts cut down to size."""

from __future__ import annotations

import traceback
from collections.abc import Callable

MESSAGE_LIMIT_CHARS = 8 * 1024
TRACEBACK_LIMIT_CHARS = 64 * 1024


def format_user_traceback(error: BaseException, is_ours: Callable[[str], bool]) -> str:
    """Return the formatted traceback of an error from its first frame outside our own files.

    Args:
        error: what users' code has raised.
        is_ours: whether a file, by its path, belongs to the code that led into users' code.
    """
    frame = error.__traceback__
    while frame is not None and is_ours(frame.tb_frame.f_code.co_filename):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame))


def cut_message(text: str) -> str:
    """Return a message that fits into a report and can be encoded."""
    return cut(text, MESSAGE_LIMIT_CHARS)


def cut_traceback(text: str) -> str:
    """Return a traceback that fits into a report and can be encoded."""
    return cut(text, TRACEBACK_LIMIT_CHARS)


def cut(text: str, limit_chars: int) -> str:
    """Return a text that can be encoded, without its middle where it has more than so many characters."""
    # The beginning says what was done, the end what went wrong.
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) <= limit_chars:
        return text
    half = limit_chars // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters are left out ...]\n{text[-half:]}"
