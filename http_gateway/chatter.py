"""How much a reader of a socket may say: acknowledgements and a few wishes, and no flood."""

from __future__ import annotations

import asyncio
from typing import Final

from http_gateway.errors import GatewayError

BURST: Final = 2000
PER_S: Final = 1000.0


class FloodError(GatewayError):
    """The reader says too much."""

    code = "flood"


class Chatter:
    """Counts the messages of one connection."""

    def __init__(self, burst: int = BURST, per_s: float = PER_S) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left = float(burst)
        self._seen_s = asyncio.get_running_loop().time()

    def hear(self) -> None:
        """Count one message.

        Raises:
            FloodError: they are too many.
        """
        now_s = asyncio.get_running_loop().time()
        self._left = min(self._burst, self._left + (now_s - self._seen_s) * self._per_s) - 1
        self._seen_s = now_s
        if self._left < 0:
            raise FloodError(f"More than {self._per_s:g} messages came in a second.")
