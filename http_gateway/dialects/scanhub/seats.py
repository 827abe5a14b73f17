"""The devices that this process of the gateway serves: one seat for each, and the live connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from http_gateway.dialects.scanhub.device_line import DeviceLine
from http_gateway.dialects.scanhub.device_seat import DeviceSeat
from http_gateway.dialects.scanhub.means import Means
from http_gateway.dialects.scanhub.notebook import Page

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Seats:
    """The seats by device; for one event loop."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._seats: dict[str, DeviceSeat] = {}
        self._opening = asyncio.Lock()

    @property
    def active_connections(self) -> Mapping[str, DeviceLine]:
        """The live connections by device, as they are now."""
        return {device_id: line for device_id, seat in self._seats.items() if (line := seat.line) is not None}

    def find(self, device_id: str) -> DeviceSeat | None:
        """Return the seat of a device that this process knows."""
        return self._seats.get(device_id)

    async def restore(self) -> None:
        """Take care of the devices of which the manager waits for news, unless another process lives that does."""
        for device_id in await self._run(self._means.notebook.device_ids):
            try:
                page = await self._run(self._means.notebook.read, device_id)
                if page is None or not page.is_open or not await self._run(self._means.notebook.claim, device_id):
                    continue
            except OSError as error:
                _log.error("What was kept of the device %s cannot be read: %s", device_id, error)
                continue
            async with self._opening:
                if device_id not in self._seats:
                    self._begin(device_id, page)

    async def open(self, device_id: str) -> DeviceSeat:
        """Return the seat of a device that has connected, with all that was kept of it.

        Raises:
            OSError: that cannot be read.
        """
        async with self._opening:
            page = await self._run(self._means.notebook.read, device_id)
            seat = self._seats.get(device_id)
            if seat is not None and page is not None and page.generation > seat.generation:
                # Meanwhile another process has served it.
                del self._seats[device_id]
                await seat.close()
                seat = None
            return seat or self._begin(device_id, page)

    def shut_down(self) -> None:
        """End all connections, because the gateway ends."""
        for seat in self._seats.values():
            seat.shut_down()

    async def close(self) -> None:
        """End all seats."""
        await asyncio.gather(*(seat.close() for seat in self._seats.values()))
        self._seats.clear()
        await self._run(self._means.notebook.close)

    def _begin(self, device_id: str, page: Page | None) -> DeviceSeat:
        seat = self._seats[device_id] = DeviceSeat(device_id, self._means)
        seat.start(page)
        return seat

    async def _run(self, function: Callable[..., T], *args: Any) -> T:
        return await self._means.store.run(function, *args)
