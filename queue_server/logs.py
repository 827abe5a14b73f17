"""Logging of the manager's processes: sentences on standard output, and the same as console notices."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

_FORMAT = "[%(levelname).1s %(asctime)s.%(msecs)03d %(name)s] %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S"


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
    handler.setFormatter(logging.Formatter(_FORMAT, _TIME))
    handler.setLevel(logging.NOTSET if is_printed else logging.ERROR)
    logging.basicConfig(level=LEVELS[verbosity], handlers=[handler], force=True)


class NoticeHandler(logging.Handler):
    """Passes every record on as text, for the console notices."""

    def __init__(self, publish: Callable[[float, str], None]) -> None:
        super().__init__()
        self._publish = publish
        self.setFormatter(logging.Formatter(_FORMAT, _TIME))

    def emit(self, record: logging.LogRecord) -> None:
        """Publish the record; a record that cannot be formatted is reported by the logging module itself."""
        try:
            self._publish(record.created, self.format(record) + "\n")
        except (ValueError, TypeError, OSError):
            self.handleError(record)
