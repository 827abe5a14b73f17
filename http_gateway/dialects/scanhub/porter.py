"""Lets devices in: by the credentials in the headers of the handshake, before a frame is read.

A wrong credential costs its sender time, and everybody else a single line in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from http_gateway.dialects.scanhub.credentials import Antechamber, FailedProofs, read_device_headers
from http_gateway.dialects.scanhub.registry import Admission, Registry
from http_gateway.errors import CredentialError
from queue_server.clock import Clock

_log = logging.getLogger(__name__)

_REFUSAL = "The credentials of the device are missing, malformed or wrong."


class Porter:
    """Asks the manager whose credentials they are; for one event loop."""

    def __init__(
        self, registry: Registry, clock: Clock, stopping: asyncio.Event, antechamber: Antechamber | None = None
    ) -> None:
        self._registry = registry
        self._proofs = FailedProofs(clock)
        self._antechamber = Antechamber() if antechamber is None else antechamber
        self._stopping = stopping

    @asynccontextmanager
    async def waiting(self, address: str) -> AsyncGenerator[bool]:
        """Count a connection of which nobody knows yet whose it is; tell whether there is room for it."""
        has_room = self._antechamber.enter(address)
        try:
            yield has_room
        finally:
            if has_room:
                self._antechamber.leave(address)

    async def admit(self, headers: Mapping[str, str], address: str) -> Admission:
        """Return the admission of a device. What is refused is refused after a while only.

        Raises:
            CredentialError: its credentials are missing, malformed or wrong.
            CommunicationError: the manager cannot tell now.
        """
        shown = read_device_headers(headers)
        if shown is None:
            await self._fail(address, None)
            raise CredentialError(_REFUSAL)
        device_id, token = shown
        try:
            admission = await self._registry.connect(device_id, token, address)
        except CredentialError:
            await self._fail(address, device_id)
            raise CredentialError(_REFUSAL) from None
        self._proofs.succeed(device_id)
        return admission

    async def _fail(self, address: str, device_id: str | None) -> None:
        delay = self._proofs.fail(address, device_id)
        if delay.is_alarm:
            _log.warning("Wrong credentials of devices keep coming from %s", address)
        try:
            async with asyncio.timeout(delay.seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
