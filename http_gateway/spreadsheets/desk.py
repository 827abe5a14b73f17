"""Reads a few spreadsheets at once, each in a thread, because that blocks; others wait a while, and not too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from http_gateway.spreadsheets.errors import SpreadsheetError
from queue_server.protocol.errors import BusyError

_AT_ONCE = 2
_MOST_WAITING = 32
_PATIENCE_S = 60.0


class ReadingDesk:
    """Threads for spreadsheets; for one event loop."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def run(self, work: Callable[[], Any]) -> Any:
        """Return what a function returns in a thread.

        Raises:
            SpreadsheetError: it takes too long.
            BusyError: too many wait.
        """
        return (await self.start(work)).result()

    async def start(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Return what has ended in a thread. A slot is taken until the thread is free, whoever still waits.

        Raises:
            SpreadsheetError: it takes too long.
            BusyError: too many wait.
        """
        if self._waiting >= _MOST_WAITING:
            raise BusyError("Too many spreadsheets are being read; send it again after a moment.")
        self._waiting += 1
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._slots.acquire()
        except TimeoutError as error:
            raise BusyError("Other spreadsheets are still being read; send it again after a moment.") from error
        finally:
            self._waiting -= 1
        running = asyncio.get_running_loop().run_in_executor(None, work)
        running.add_done_callback(lambda _: self._slots.release())
        ended, _ = await asyncio.wait({running}, timeout=_PATIENCE_S)
        if not ended:
            raise SpreadsheetError(f"The conversion of the file takes longer than {_PATIENCE_S:g} s.")
        return running
