"""The routes of devices: who they are, how they are, and their credentials. The manager has the records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.scanhub.device_models import DeviceCreation
from http_gateway.dialects.scanhub.device_routes import (
    PREFIX,
    device_id_of,
    device_route,
    find_device,
    query_value,
)
from http_gateway.dialects.scanhub.device_socket import service_of
from http_gateway.dialects.scanhub.exam_calls import answer, answer_all, call, done, query_flag, read_as
from http_gateway.dialects.scanhub.exam_errors import UnfitError
from http_gateway.dialects.scanhub.exam_routes import refer
from http_gateway.dialects.scanhub.readiness import readiness_route
from http_gateway.link import Caller
from queue_server.protocol.devices import MOST_GRACE_S

_READ, _WRITE = "read:devices", "write:devices"

_GRACE: TypeAdapter[float] = TypeAdapter(Annotated[float, Field(ge=0, le=MOST_GRACE_S, allow_inf_nan=False)])
_OBJECT = TypeAdapter(dict[str, Any])


_CREATION = TypeAdapter(DeviceCreation)


async def get_devices(request: Request, caller: Caller) -> Response:
    """Return all devices."""
    return await answer_all(request, caller, "device_list", "devices", _show)


async def get_device(request: Request, caller: Caller) -> Response:
    """Return a device."""
    return answer(_show(await _find(request, caller)))


async def get_device_status(request: Request, caller: Caller) -> Response:
    """Return the status of a device."""
    return answer({"status": (await _find(request, caller))["status"]})


async def get_device_ip_address(request: Request, caller: Caller) -> Response:
    """Return the address from which a device is connected; null while it is not."""
    return answer({"ip_address": (await _find(request, caller)).get("ip_address")})


async def delete_device(request: Request, caller: Caller) -> Response:
    """Delete a device; its token is revoked, and its queued items are held."""
    force = query_flag(request, "force")
    await call(request, caller, "device_delete", device_id=_id_in(request), force=force)
    return done()


async def create_device(request: Request, caller: Caller) -> Response:
    """Register a device; its credentials are shown this once."""
    creation = await read_as(request, _CREATION)
    for field in ("name", "description"):
        if not getattr(creation, field).strip():
            raise UnfitError(f"'{field}' must not be empty.", details={"field": field})
    reply = await call(request, caller, "device_create", name=creation.name, description=creation.description)
    return _credentials(reply, 201)


async def rotate_token(request: Request, caller: Caller) -> Response:
    """Give a device a new token; the one until now works for `grace_s` more seconds."""
    grace_s = query_value(request, "grace_s", _GRACE, 0.0)
    reply = await call(request, caller, "device_rotate_token", device_id=_id_in(request), grace_s=grace_s)
    return _credentials(reply, 200)


async def update_device_parameter(request: Request, caller: Caller) -> Response:
    """Replace all parameters of a device."""
    parameter = await read_as(request, _OBJECT)
    reply = await call(request, caller, "device_parameter_set", device_id=_id_in(request), parameter=parameter)
    return answer(_show(reply["device"]))


async def clear_fault(request: Request, caller: Caller) -> Response:
    """Take the word of a person that a device is in order again."""
    device = await _find(request, caller)
    service = service_of(request)
    seat = None if service is None else service.seats.find(device["id"])
    if seat is not None:
        seat.clear_fault()
        await seat.settle()
    return answer(_show({**await _find(request, caller), "fault_message": None}))


def _id_in(request: Request) -> str:
    return device_id_of(request.path_params["device_id"])


async def _find(request: Request, caller: Caller) -> dict[str, Any]:
    return await find_device(request, caller, _id_in(request))


def _show(device: Mapping[str, Any]) -> dict[str, Any]:
    own = ("kind", "has_token", "previous_token_until", "generation")
    return {name: value for name, value in device.items() if name not in own}


def _credentials(reply: dict[str, Any], status: int) -> Response:
    content = {"device_token": reply["device_token"], "device_id": reply["device_id"]}
    headers = {
        "Content-Disposition": 'attachment; filename="device_credentials.json"',
        "Cache-Control": "no-store",
    }
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


_GRACES = {"grace_s?": "Seconds for which the token until now still counts, 0 to 86400."}
_FORCE = {"force?": "True: also while an item is active, of which nobody will know how it ended."}
_BODY = {"type": "object", "additionalProperties": True}
# The order counts: fixed paths before those that they would fit.
ROUTES = (
    readiness_route(PREFIX),
    device_route("GET", "/", get_devices, _READ, result="DeviceOut[]"),
    device_route(
        "POST",
        "/createdevice",
        create_device,
        _WRITE,
        body=refer("DeviceCreation"),
        result="DeviceCredentials",
        status=201,
    ),
    device_route("PUT", "/parameter/{device_id}", update_device_parameter, _WRITE, body=_BODY, result="DeviceOut"),
    device_route("POST", "/{device_id}/rotate-token", rotate_token, _WRITE, query=_GRACES, result="DeviceCredentials"),
    device_route("POST", "/{device_id}/clear-fault", clear_fault, _WRITE, result="DeviceOut"),
    device_route("GET", "/{device_id}/status", get_device_status, _READ, result="DeviceStatusOut"),
    device_route("GET", "/{device_id}/ip_address", get_device_ip_address, _READ, result="DeviceAddressOut"),
    device_route("GET", "/{device_id}", get_device, _READ, result="DeviceOut"),
    device_route("DELETE", "/{device_id}", delete_device, _WRITE, query=_FORCE, status=204),
)
ALIASES = (device_route("GET", "", get_devices, _READ),)
"""Other spellings, which the document leaves out."""
