"""Logging of the manager's processes: sentences on standard output, and the same as console notices."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable

_FORMAT = "[%(levelname).1s %(asctime)s.%(msecs)03d %(name)s] %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S"

COMPLAINT_INTERVAL_S = 1.0
"""How often a line about what strangers do is logged, so that nobody can fill a disk with them."""


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
    _leave_out_what_is_not_shown()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_sentences)
    handler.setLevel(logging.NOTSET if is_printed else logging.ERROR)
    logging.basicConfig(level=LEVELS[verbosity], handlers=[handler], force=True)


def _leave_out_what_is_not_shown() -> None:
    # Of each record half of the time goes into its thread, its process and its place in the source; how to leave them
    # out is told in "Optimization" of the Logging HOWTO of Python.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]  # noqa: SLF001


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


class Complaints:
    """Logs warnings of one kind; those that come too soon are counted, and told with the next one."""

    def __init__(self, log: logging.Logger, interval_s: float = COMPLAINT_INTERVAL_S) -> None:
        self._log = log
        self._interval_s = interval_s
        self._next = 0.0
        self._untold = 0

    def tell(self, text: str, *arguments: object) -> None:
        """Log a warning, or only count it."""
        now = asyncio.get_running_loop().time()
        if now < self._next:
            self._untold += 1
            return
        self._next = now + self._interval_s
        if self._untold:
            text, arguments = f"{text} (%d more like this before)", (*arguments, self._untold)
            self._untold = 0
        self._log.warning(text, *arguments)
