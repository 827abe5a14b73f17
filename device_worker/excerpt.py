"""Cuts texts that come from startup code and plans down to what a report may hold."""

from __future__ import annotations

MESSAGE_LIMIT_CHARS = 8 * 1024
TRACEBACK_LIMIT_CHARS = 64 * 1024


def cut_message(text: str) -> str:
    """Return a message that fits into a report and can be encoded."""
    return _cut(text, MESSAGE_LIMIT_CHARS)


def cut_traceback(text: str) -> str:
    """Return a traceback that fits into a report and can be encoded."""
    return _cut(text, TRACEBACK_LIMIT_CHARS)


def _cut(text: str, limit_chars: int) -> str:
    # The beginning says what was done, the end what went wrong.
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) <= limit_chars:
        return text
    half = limit_chars // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters are left out ...]\n{text[-half:]}"
