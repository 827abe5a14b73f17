"""Logging of the manager's processes: sentences on standard output, and the same as console notices."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

_FORMAT = "[%(levelname).1s %(asctime)s.%(msecs)03d %(name)s] %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S"


def configure(level: int = logging.INFO) -> None:
    """Log to standard output, where bluesky-queueserver logs too; standard error stays empty."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(_FORMAT, _TIME))
    logging.basicConfig(level=level, handlers=[handler], force=True)


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
