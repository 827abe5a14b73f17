"""The WebSocket of devices: who connects is let in or refused, and what comes is handed to the seat of the device."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from http_gateway.authorize import PUBLIC, address_of
from http_gateway.connections import PATIENCE
from http_gateway.dialects.scanhub.device_line import DeviceLine
from http_gateway.dialects.scanhub.device_seat import DeviceSeat
from http_gateway.dialects.scanhub.effects import POLICY
from http_gateway.dialects.scanhub.model import Limits
from http_gateway.dialects.scanhub.porter import Porter
from http_gateway.dialects.scanhub.registry import Admission
from http_gateway.dialects.scanhub.seats import Seats
from http_gateway.errors import CredentialError
from http_gateway.link import Caller
from http_gateway.routes import Socket
from queue_server.protocol.errors import CuelightError, StateError

_log = logging.getLogger(__name__)

TRY_LATER: Final = 1013
"""The code with which a connection ends that cannot be served now, whosever it is."""


@dataclass(frozen=True, slots=True)
class DeviceService:
    """What the socket of devices needs: who lets them in, and where they are served."""

    porter: Porter
    seats: Seats
    limits: Limits


async def serve_device(websocket: WebSocket, caller: Caller) -> None:
    """Serve one connection until it ends."""
    # A refusal before that would end the device's program instead of letting it try again.
    await websocket.accept()
    service: DeviceService | None = getattr(websocket.app.state, "device_service", None)
    if service is None:
        await _close(websocket, TRY_LATER, "the gateway has no link to the manager's lanes")
        return
    admission = await _let_in(websocket, service)
    if admission is None:
        return
    try:
        seat = await service.seats.open(admission.device_id)
    except OSError as error:
        _log.error("What was kept of the device %s cannot be read: %s", admission.device_id, error)
        await _close(websocket, TRY_LATER, "the state of the device cannot be read")
        return
    await _serve(websocket, seat, admission, service.limits)


async def _let_in(websocket: WebSocket, service: DeviceService) -> Admission | None:
    address = address_of(websocket)
    async with service.porter.waiting(address) as has_room:
        if not has_room:
            await _close(websocket, TRY_LATER, "too many connections wait")
            return None
        try:
            return await service.porter.admit(websocket.headers, address)
        except CredentialError as error:
            await _close(websocket, POLICY, error.message)
        except CuelightError as error:
            _log.warning("A device cannot be let in now: %s", error.message)
            await _close(websocket, TRY_LATER, "the manager does not answer")
    return None


async def _serve(websocket: WebSocket, seat: DeviceSeat, admission: Admission, limits: Limits) -> None:
    generation = admission.generation
    line = DeviceLine(websocket, admission.address)
    be_patient = cast("Callable[..., None] | None", websocket.scope.get("extensions", {}).get(PATIENCE))
    if be_patient is not None:
        be_patient(limits.binary_bytes, lambda: seat.hear_life(generation))
    try:
        seat.open(generation, line)
    except StateError as error:
        _log.error("A connection of the device %s is refused: %s", admission.device_id, error.message)
        await _close(websocket, TRY_LATER, "the connection has no number of its own")
        return
    sending = asyncio.create_task(line.run(), name=f"frames to the device {admission.device_id}")
    try:
        await _read(websocket, seat, generation)
    finally:
        # Whoever reads no more has read the end: nothing could leave after it.
        sending.cancel()
        seat.lose(generation)
        await asyncio.gather(sending, return_exceptions=True)


async def _read(websocket: WebSocket, seat: DeviceSeat, generation: int) -> None:
    while True:
        message: Any = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            await seat.hear_bytes(generation, message["bytes"])
        else:
            seat.hear_text(generation, text)
        # Of many small frames that have come together, those of other devices must not wait for the last.
        await asyncio.sleep(0)


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        # A connection that takes nothing would hold this up.
        async with asyncio.timeout(1):
            await websocket.close(code, reason)


def service_of(connection: HTTPConnection) -> DeviceService | None:
    """Return what serves devices; None where the gateway has no link to the manager's lanes."""
    return cast("DeviceService | None", getattr(connection.app.state, "device_service", None))


SOCKETS = (Socket(path="/device/ws", scope=PUBLIC, handler=serve_device, summary="Connections of devices."),)
