"""The frame that starts a scan: what it carries, how it is built, and how large it may be. It sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from http_gateway.dialects.scanhub.refusals import StartTooLargeError
from queue_server.protocol.exam_records import AcquisitionLimits, AcquisitionParameter

Client = Literal["unknown", "gen2", "gen3", "first"]
"""The generation of a device, as its frames suggest; only the size of a start frame may depend on it."""

MOST_GEN2_BYTES: Final = 1_048_576
MOST_GEN3_BYTES: Final = 64 * 1024 * 1024


def _need_offset(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("a time needs its offset from UTC")
    return moment


Moment = Annotated[datetime, AfterValidator(_need_offset)]


class Part(BaseModel):
    """What all parts of a start frame have in common: frozen, no unknown keys, finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, serialize_by_alias=True)


class Sequence(Part):
    """A sequence with its files as text; how a binary one is encoded stands in its tags."""

    id: str = Field(alias="_id")
    name: str
    description: str
    sequence_type: str
    created_at: Moment
    seq_file: Any
    tags: list[str] | None = None
    updated_at: Moment | None = None
    seq_file_extension: str | None = None
    xml_file: str | None = None
    xml_file_extension: str | None = None


class Plan(Part):
    """The plan that an item names, for devices that know plans; a scan that is none has null."""

    item_uid: str
    plan: str | None = None
    args: list[Any] = []
    kwargs: dict[str, Any] = {}


class Task(Part):
    """What a scan is called and who wants it; the texts may be empty."""

    name: str
    description: str = ""
    destination: str = ""
    creator: str
    created: Moment
    sequence_id: str
    workflow_id: str | None = None
    device_id: str | None = None
    updated: Moment | None = None
    position: int = 0
    calibration: list[str] = []


@dataclass(frozen=True, slots=True)
class Scanning:
    """How a scan is to be done. ``limits`` has no default, so that nobody forgets those of a patient.

    ``device_parameter`` is what holds for the device now; ``mrd_header`` is the real header or None.
    """

    limits: AcquisitionLimits | None
    sequence: Sequence
    parameter: AcquisitionParameter
    device_parameter: dict[str, Any]
    plan: Plan
    mrd_header: str | None = None


def build_start(task: Task, scanning: Scanning, scan_token: str) -> dict[str, Any]:
    """Return the ``data`` of a start frame, all sixteen required fields among them; what is null is left out."""
    given: dict[str, Any] = {
        "id": scanning.plan.item_uid,
        "name": task.name,
        "description": task.description,
        "destination": task.destination,
        "creator": task.creator,
        "task_type": "ACQUISITION",
        "status": "STARTED",
        "progress": 0,
        "is_template": False,
        "results": [],
        "datetime_created": task.created.isoformat(),
        "sequence_id": task.sequence_id,
        "sequence": _dump(scanning.sequence) | {"seq_file": scanning.sequence.seq_file},
        "acquisition_parameter": _dump(scanning.parameter),
        "access_token": scan_token,
        "device_parameter": {**scanning.device_parameter, "cuelight": scanning.plan.model_dump(mode="json")},
    }
    optional: dict[str, Any] = {
        "workflow_id": task.workflow_id,
        "device_id": task.device_id,
        "datetime_updated": None if task.updated is None else task.updated.isoformat(),
        "acquisition_limits": None if scanning.limits is None else _dump(scanning.limits),
        "mrd_header": scanning.mrd_header,
        "position": task.position,
        "calibration": task.calibration,
    }
    return given | {name: value for name, value in optional.items() if value is not None}


def _dump(part: BaseModel) -> dict[str, Any]:
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)


def render_start(data: dict[str, Any]) -> str:
    """Return the text of a start frame."""
    return orjson.dumps({"command": "start", "data": data}).decode()


def measure_start(text: str) -> int:
    """Return the size of a start frame in bytes of UTF-8, as the device counts it."""
    return len(text.encode())


def most_start_bytes(client: Client, most_gen3_bytes: int = MOST_GEN3_BYTES) -> int:
    """Return how large a start frame may be for a device of this generation."""
    return most_gen3_bytes if client == "gen3" else MOST_GEN2_BYTES


def check_start(size_bytes: int, client: Client, most_gen3_bytes: int = MOST_GEN3_BYTES) -> None:
    """Refuse a start frame that the device would not accept.

    Raises:
        StartTooLargeError: it is larger.
    """
    most = most_start_bytes(client, most_gen3_bytes)
    if size_bytes > most:
        raise StartTooLargeError(size_bytes, most)
