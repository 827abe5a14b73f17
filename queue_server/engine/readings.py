"""Questions to workers about their devices, until each is answered or its time is over. Nothing of it is state."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Protocol

from queue_server.protocol.device_link import DeviceReading, ReadDevice
from queue_server.protocol.errors import BusyError, StateError

MOST_WAITING = 64
"""Questions that wait at the same time, to all workers."""

MARGIN_S = 1.0
"""How much longer than the device a worker has for its answer."""


class Asked(Protocol):
    """Where questions go."""

    def send(self, incarnation: str, message: ReadDevice) -> None:
        """Send a question to a worker; without a connection it is dropped."""
        ...


class Readings:
    """Asks workers to read devices; an answer has ``margin_s`` more than the device."""

    def __init__(self, margin_s: float = MARGIN_S) -> None:
        self._margin_s = margin_s
        self._link: Asked | None = None
        self._numbers = count(1)
        self._waiting: dict[tuple[str, int, int], asyncio.Future[DeviceReading]] = {}

    def attach(self, link: Asked) -> None:
        """Tell where questions go."""
        self._link = link

    async def ask(self, incarnation: str, epoch: int, device: str, timeout_s: float) -> DeviceReading:
        """Return what a worker has read of a device that it calls so, or its reason why not.

        Raises:
            BusyError: too many questions wait already.
            StateError: no answer has come in time.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise BusyError(f"{MOST_WAITING} devices are being read at this moment. Repeat it when they have answered.")
        number = next(self._numbers)
        key = incarnation, epoch, number
        self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            if self._link is not None:
                self._link.send(incarnation, ReadDevice(epoch=epoch, number=number, device=device, timeout_s=timeout_s))
            async with asyncio.timeout(timeout_s + self._margin_s):
                return await self._waiting[key]
        except TimeoutError as error:
            raise StateError(
                f"The device {device!r} was not read within {timeout_s:g} s: it or its worker does not answer. "
                "A larger within_s waits longer."
            ) from error
        finally:
            del self._waiting[key]

    def hear(self, incarnation: str, reading: DeviceReading) -> bool:
        """Take an answer; return whether somebody waits for it."""
        answer = self._waiting.get((incarnation, reading.epoch, reading.question))
        if answer is None or answer.done():
            return False
        answer.set_result(reading)
        return True
