"""The frames of first-generation devices, which are off unless an operator admits them: read and written here alone.

They become the frames of the later generations. They carry no ids, so that a scan is whatever is active.
"""

from __future__ import annotations

import math
from typing import Any, Final

import orjson

from http_gateway.dialects.scanhub.frames import (
    TEXT_BOUNDS,
    Complaint,
    Details,
    DeviceFrame,
    DeviceStatus,
    Feedback,
    GatewayFrame,
    Incoming,
    Register,
    Remark,
    StatusData,
    UpdateStatus,
    read_object,
    validate,
)
from http_gateway.dialects.scanhub.refusals import DispatchError, FrameError
from queue_server.protocol.codec import Bounds

_STATUSES: Final[dict[str, DeviceStatus]] = {
    "ready": "ONLINE",
    "offline": "OFFLINE",
    "scanning": "BUSY",
    "error": "ERROR",
}


class _FirstDetails(Incoming):
    id: str
    name: str | None = None
    manufacturer: str | None = None
    modality: str | None = None
    site: str | None = None


class _FirstRegister(Incoming):
    data: _FirstDetails


class _Additional(Incoming):
    percentage: float | None = None
    error_message: str | None = None


class _FirstStatus(Incoming):
    id: str
    status: str
    additional_data: _Additional | None = None


class _FirstUpdate(Incoming):
    data: _FirstStatus


def read_first_frame(text: str, bounds: Bounds = TEXT_BOUNDS) -> tuple[str, DeviceFrame]:
    """Return the id that a first-generation device gives itself, and its frame as one of today.

    Raises:
        OversizeError: the text is larger than a frame may be.
        FrameError: it is no JSON object, its command is unknown, or a value has a wrong type.
    """
    value = read_object(text, bounds)
    command = value.get("command")
    if command == "register":
        details = validate(_FirstRegister, value).data
        told = details.model_dump(exclude={"id", "name"})
        return details.id, Register(data=Details(device_name=details.name, **told))
    if command == "update_status":
        status = validate(_FirstUpdate, value).data
        return status.id, _translate(status)
    raise FrameError("unknown_command", "The command is missing or unknown here.")


def _translate(told: _FirstStatus) -> DeviceFrame:
    # The status is free text; a word that is not known here, such as `init`, must not end a scan.
    status = _STATUSES.get(told.status)
    if status is None:
        return Remark(command=told.status)
    more = told.additional_data or _Additional()
    return UpdateStatus(
        status=status, data=StatusData(progress=_as_progress(more.percentage), error_message=more.error_message)
    )


def _as_progress(percentage: float | None) -> int | None:
    return None if percentage is None else math.floor(max(0.0, min(100.0, percentage)))


def render_first_frame(frame: GatewayFrame) -> str | None:
    """Return the text of a frame for a first-generation device; None if it knows nothing like it."""
    if isinstance(frame, Complaint):
        return orjson.dumps({"message": frame.message}).decode()
    if isinstance(frame, Feedback):
        return orjson.dumps({"command": "feedback", "message": frame.message}).decode()
    return None


def build_first_start(data: dict[str, Any]) -> str:
    """Return the start frame of a first-generation device, from the ``data`` of a start frame of today.

    Raises:
        DispatchError: the task has patient limits, which this frame cannot carry.
    """
    if data.get("acquisition_limits") is not None:
        raise DispatchError("unsuitable", "The task has patient limits, which a first-generation device cannot take.")
    sequence, parameter = data["sequence"], data["device_parameter"]
    raw = parameter.get("acquisition_data")
    first = {
        "header_xml": data.get("mrd_header") or sequence.get("xml_file") or "",
        "sequence_data": _as_text(sequence["seq_file"]),
        "acquisition_data": raw if isinstance(raw, str) else _as_text(data["acquisition_parameter"]),
    }
    return orjson.dumps({"command": "start", "data": first}).decode()


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
