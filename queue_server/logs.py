"""Logging of the manager's processes: sentences on standard output, and the same as console notices."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

_FORMAT = "[%(levelname).1s %(asctime)s.%(msecs)03d %(name)s] %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S"


class _Sentences(logging.Formatter):
    """Formats a record once for all handlers, and the time of day once a second."""

    def __init__(self) -> None:
        super().__init__(_FORMAT, _TIME)
        self._second = (-1, "")
        self._last: tuple[logging.LogRecord | None, str] = (None, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        second, text = self._second
        if int(record.created) != second:
            text = super().formatTime(record, datefmt)
            # One assignment: other threads log as well.
            self._second = (int(record.created), text)
        return text

    def format(self, record: logging.LogRecord) -> str:
        last, text = self._last
        if record is not last:
            text = super().format(record)
            self._last = (record, text)
        return text


_sentences = _Sentences()

# Verbosity as the settings name it.
LEVELS = {
    "verbose": logging.DEBUG,
    "normal": logging.INFO,
    "quiet": logging.WARNING,
    "silent": logging.CRITICAL + 1,
}


def configure(verbosity: str = "normal", *, is_printed: bool = True) -> None:
    """Log to standard output, where bluesky-queueserver logs too; standard error stays empty.

    Without ``is_printed`` only errors are written there; console notices carry the log in any case.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_sentences)
    handler.setLevel(logging.NOTSET if is_printed else logging.ERROR)
    logging.basicConfig(level=LEVELS[verbosity], handlers=[handler], force=True)


class NoticeHandler(logging.Handler):
    """Passes every record on as text, for the console notices."""

    def __init__(self, publish: Callable[[float, str], None]) -> None:
        super().__init__()
        self._publish = publish
        self.setFormatter(_sentences)

    def emit(self, record: logging.LogRecord) -> None:
        """Publish the record; a record that cannot be formatted is reported by the logging module itself."""
        try:
            self._publish(record.created, self.format(record) + "\n")
        except (ValueError, TypeError, OSError):
            self.handleError(record)
