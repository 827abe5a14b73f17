"""Log lines about what strangers do: at most one in a while, so that nobody can fill a disk with them."""

from __future__ import annotations

import asyncio
import logging

INTERVAL_S = 1.0


class Complaints:
    """Logs warnings of one kind; those that come too soon are counted, and told with the next one."""

    def __init__(self, log: logging.Logger, interval_s: float = INTERVAL_S) -> None:
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
