"""Finds the workers of the last epoch: those that live are waited for, those that are gone are told as exits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

_log = logging.getLogger(__name__)

# A living worker reconnects within a second; one that does not answer is shown as such, and the manager serves.
PATIENCE_S = 5.0


class Adopter(Protocol):
    """Watches a living worker."""

    def adopt(self, lane: str, incarnation: str) -> bool:
        """Watch a worker that an earlier manager started; return whether it is alive."""
        ...


async def adopt_workers(
    expected: dict[str, str],
    host: Adopter,
    exited: Callable[[str, str, str], None],
    settled: Callable[[], Awaitable[object]],
    patience_s: float = PATIENCE_S,
) -> None:
    """Adopt the workers in ``expected`` (lane to incarnation), and wait until ``settled`` or until patience ends."""
    for lane, incarnation in expected.items():
        if not host.adopt(lane, incarnation):
            exited(lane, incarnation, "it was gone when the manager started")
    try:
        async with asyncio.timeout(patience_s):
            await settled()
    except TimeoutError:
        _log.warning("A worker of the last epoch lives, but has not reported within %.0f s", patience_s)
