"""The routes that start scans: each puts an acquisition into the lane of its device, and says where it stands."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from http_gateway.dialects.scanhub.device_models import DEFAULT_SCAN_NAME, ScanRequest
from http_gateway.dialects.scanhub.device_routes import device_id_of, device_route, find_device, query_value
from http_gateway.dialects.scanhub.device_socket import service_of
from http_gateway.dialects.scanhub.exam_calls import answer, call, query_flag, read_body, shape
from http_gateway.dialects.scanhub.exam_errors import UnfitError
from http_gateway.dialects.scanhub.exam_routes import refer
from http_gateway.dialects.scanhub.orders import moment_of, prepare, read_content, read_sequence
from http_gateway.dialects.scanhub.scan_tokens import ScanToken
from http_gateway.dialects.scanhub.start_frame import check_start
from http_gateway.errors import BodyError
from http_gateway.link import Caller
from http_gateway.routes import services_of
from queue_server.protocol.errors import CommunicationError, ParameterError, StateError
from queue_server.protocol.exam_records import AcquisitionParameter
from queue_server.protocol.items import ACQUISITION

_ADD: Final = "write:queue:edit"
_LONG_AS_A_TOKEN: Final = "0" * 97
_PARTS: Final = ("header_xml", "sequence_data", "acquisition_data")

_COUNT: TypeAdapter[Any] = TypeAdapter(Annotated[int, Field(ge=0, le=256)])
_SECONDS: TypeAdapter[Any] = TypeAdapter(Annotated[float, Field(ge=0, allow_inf_nan=False)])
_HELD = TypeAdapter(dict[str, bool])
_TEXTS = TypeAdapter(dict[str, str])
_FIELD_OF_VIEW = TypeAdapter(AcquisitionParameter)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an acquisition is called, its arguments, and the sequence that it names or has."""

    name: str
    kwargs: dict[str, Any]
    sequence: dict[str, Any]


_SCAN = TypeAdapter(ScanRequest)


async def start_scan_via_websocket(request: Request, caller: Caller) -> Response:
    """Put a scan into the lane of its device."""
    body = await _read_object(request)
    scan = shape(body, _SCAN)
    if scan.device_id is None or scan.is_template or scan.task_type != "ACQUISITION":
        raise UnfitError("Only an ACQUISITION that is no template and names its device can be started.")
    device_id = device_id_of(scan.device_id)
    if scan.sequence is None and scan.sequence_id is None:
        raise ParameterError("Give 'sequence_id', or 'sequence' with the sequence itself.", field="sequence_id")
    named = {"sequence": scan.sequence} if scan.sequence is not None else {"sequence_id": scan.sequence_id}
    more = scan.model_dump(
        include={"description", "destination", "acquisition_parameter", "acquisition_limits", "calibration"},
        exclude_none=True,
    )
    ids = {"task_id": scan.id, "workflow_id": scan.workflow_id}
    device = await find_device(request, caller, device_id)
    sequence = scan.sequence
    if sequence is None:
        reply = await call(request, caller, "exam_sequence_get", sequence_id=scan.sequence_id, files=True)
        sequence = cast("dict[str, Any]", reply["sequence"])
    known = {name: value for name, value in ids.items() if value is not None}
    kwargs = {**named, **more, **known, **read_options(request, body)}
    wanted = Wanted(scan.name, kwargs, sequence)
    check_scan(request, caller, device, wanted)
    return await _start(request, caller, device, wanted, is_held=read_held(request, body))


async def start_scan(request: Request, caller: Caller) -> Response:
    """Put a scan into the lane of a device, given by the texts of its header, its sequence and its acquisition."""
    device_id = device_id_of(request.path_params["device_id"])
    body = await _read_object(request) if request.headers.get("content-length", "0") != "0" else {}
    given = {name: request.query_params.get(name, body.get(name)) for name in _PARTS}
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise ParameterError(f"The request needs {', '.join(missing)}, in its query or its body.", field=missing[0])
    texts = shape(given, _TEXTS)
    kwargs: dict[str, Any] = {
        "sequence": {"seq_file": texts["sequence_data"], "xml_file": texts["header_xml"]},
        "header_xml": texts["header_xml"],
        **_read_acquisition(texts["acquisition_data"]),
        **read_options(request, body),
    }
    device = await find_device(request, caller, device_id)
    wanted = Wanted(DEFAULT_SCAN_NAME, kwargs, kwargs["sequence"])
    check_scan(request, caller, device, wanted)
    return await _start(request, caller, device, wanted, is_held=read_held(request, body))


def _read_acquisition(text: str) -> dict[str, Any]:
    """Return where the field of view lies, or the raw text for the device if that is not what it says."""
    try:
        told = _FIELD_OF_VIEW.validate_json(text)
    except ValidationError:
        return {"device_parameter": {"acquisition_data": text}}
    return {"acquisition_parameter": told.model_dump()}


def read_options(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Return what the query says about uploads and times, or else the body.

    Raises:
        ParameterError: a value has a wrong form.
    """
    forms = {"expected_uploads": _COUNT, "upload_grace_s": _SECONDS, "scan_timeout_s": _SECONDS}
    found: dict[str, Any] = {}
    for name, form in forms.items():
        value = query_value(request, name, form, None)
        if value is None and body.get(name) is not None:
            value = shape(body[name], form)
        if value is not None:
            found[name] = value
    return found


def read_held(request: Request, body: dict[str, Any]) -> bool:
    """Return whether the query, or else the body, wants the item held.

    Raises:
        ParameterError: it says neither true nor false.
    """
    if "held" in request.query_params or body.get("held") is None:
        return query_flag(request, "held")
    return bool(shape({"held": body["held"]}, _HELD)["held"])


def check_scan(request: Request, caller: Caller, device: dict[str, Any], wanted: Wanted) -> None:
    """Refuse what could never be sent: arguments that have a wrong form, or too large a start.

    A device that is not here has shown no limit of its own; its start is measured again when it is sent.

    Raises:
        ParameterError: an argument has a wrong form.
        StartTooLargeError: the device does not accept so much.
    """
    device_id, uid = str(device["id"]), str(uuid.uuid4())
    item = {"item_type": ACQUISITION, "name": wanted.name, "item_uid": uid, "user": caller.identity.user}
    content = read_content({**item, "kwargs": wanted.kwargs})
    now = moment_of(services_of(request).clock.wall())
    parameter = device.get("registered_parameter") if device.get("parameter") is None else device["parameter"]
    token = (_LONG_AS_A_TOKEN, ScanToken(b"", device_id, uid))
    sequence = read_sequence(wanted.sequence, content, now)
    size_bytes = prepare(content, sequence, parameter or {}, token, now).order.start_bytes
    service = service_of(request)
    seat = None if service is None else service.seats.find(device_id)
    check_start(size_bytes, "gen3" if seat is None else seat.client or "gen3")


async def _start(
    request: Request, caller: Caller, device: dict[str, Any], wanted: Wanted, *, is_held: bool
) -> Response:
    device_id = str(device["id"])
    is_immediate = query_flag(request, "immediate")
    item = {"item_type": ACQUISITION, "name": wanted.name, "kwargs": wanted.kwargs}
    if is_immediate and is_held:
        raise ParameterError("What is to begin at once cannot be held: give 'immediate' or 'held'.", field="held")
    if is_immediate:
        _require_free(device)
    method = "queue_item_execute" if is_immediate else "queue_item_add"
    more = {"held": True} if is_held else {}
    reply = await call(request, caller, method, item=item, lane=device_id, **more)
    uid = reply["item"]["item_uid"]
    position = 0 if is_immediate else max(0, int(reply.get("qsize") or 1) - 1)
    return accept(reply["item"], wanted.kwargs.get("task_id", uid), device, Standing(device_id, position))


@dataclass(frozen=True, slots=True)
class Standing:
    """In which lane a new item stands, and how many items stand before it."""

    lane: str
    position: int


def accept(item: dict[str, Any], task_id: str, device: dict[str, Any] | None, standing: Standing) -> Response:
    """Return the answer about a new item; one that no device carries out has none."""
    uid = item["item_uid"]
    content = {
        "item_uid": uid,
        "task_id": task_id,
        "device_id": None if device is None else str(device["id"]),
        "lane": standing.lane,
        "position": standing.position,
        "state": item.get("state", "queued"),
        "device_status": None if device is None else device["status"],
    }
    response = answer(content, 202)
    response.headers["Location"] = f"/v1/queue/item?uid={uid}&lane={standing.lane}"
    return response


def _require_free(device: dict[str, Any]) -> None:
    """Refuse what is to begin at once where it cannot.

    Raises:
        CommunicationError: the device is not there.
        StateError: it has something else to do, or is in fault.
    """
    if device["status"] == "OFFLINE":
        raise CommunicationError("The device is not connected, or has not registered; nothing was stored.")
    if device["status"] != "ONLINE" or device.get("lane_length"):
        raise StateError("The device is busy, in fault, or has other items waiting; nothing was stored.")


async def _read_object(request: Request) -> dict[str, Any]:
    value = await read_body(request)
    if not isinstance(value, dict):
        raise BodyError("The body must be a JSON object.")
    return value


_TOLD_PARTS = {
    "header_xml?": "The header. All three are needed; each may stand in a JSON body instead.",
    "sequence_data?": "The sequence.",
    "acquisition_data?": "Where the field of view lies, as JSON, or a text for the device.",
}
_TOLD_OPTIONS = {
    "expected_uploads?": "Files without which the scan is not done, 0 to 256; 1 unless given.",
    "upload_grace_s?": "Seconds that they may come after the end; 60 unless given.",
    "scan_timeout_s?": "Seconds after which the outcome is unknown; none unless given.",
    "held?": "True: the item is held until it is released.",
    "immediate?": "True: the scan begins at once, or is refused.",
}
ROUTES = (
    device_route(
        "POST",
        "/start_scan_via_websocket",
        start_scan_via_websocket,
        _ADD,
        body=refer("ScanRequest"),
        query=_TOLD_OPTIONS,
        result="ScanAccepted",
        status=202,
    ),
    device_route(
        "PUT",
        "/{device_id}/start-scan",
        start_scan,
        _ADD,
        query=_TOLD_PARTS | _TOLD_OPTIONS,
        result="ScanAccepted",
        status=202,
    ),
)
