"""What the device SDKs of both generations accept, as strict models; and what their devices send.

A start frame that a model refuses would make the SDK disconnect, and the scan would be lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from http_gateway.dialects.scanhub.frames import Details, FileTransfer, Ping, Register, StatusData, UpdateStatus
from tests.doubles.device_session import ITEM, DeviceSession, token_of


class Accepted(BaseModel):
    """What all parts have in common: further keys are passed over."""

    model_config = ConfigDict(extra="ignore")


class Triple(Accepted):
    """Three numbers."""

    x: float
    y: float
    z: float


class Geometry(Accepted):
    """The field of view."""

    fov_scaling: Triple
    fov_offset: Triple
    fov_rotation: Triple


class PatientData(Accepted):
    """Limits by the patient."""

    patient_height: int = Field(strict=True)
    patient_weight: int = Field(strict=True)
    patient_age: int = Field(strict=True)
    patient_gender: Literal["MALE", "FEMALE", "OTHER", "NOT_GIVEN"]


class AcceptedSequence(Accepted):
    """The sequence; its id has an underscore."""

    id: str = Field(alias="_id")
    name: str = Field(strict=True)
    description: str = Field(strict=True)
    sequence_type: str = Field(strict=True)
    created_at: datetime
    seq_file: Any
    tags: list[str] | None = None
    updated_at: datetime | None = None
    seq_file_extension: str | None = None
    xml_file: str | None = None
    xml_file_extension: str | None = None


class Gen2Start(Accepted):
    """The payload as the second generation reads it: sixteen required fields."""

    id: UUID
    name: str = Field(strict=True)
    description: str = Field(strict=True)
    destination: str = Field(strict=True)
    creator: str = Field(strict=True)
    task_type: Literal["ACQUISITION"]
    status: Literal["STARTED"]
    progress: int
    is_template: bool = Field(strict=True)
    results: list[Any]
    datetime_created: datetime
    sequence_id: str = Field(strict=True)
    sequence: AcceptedSequence
    acquisition_parameter: Geometry
    access_token: str = Field(strict=True)
    device_parameter: dict[str, Any]
    workflow_id: UUID | None = None
    device_id: UUID | None = None
    datetime_updated: datetime | None = None
    acquisition_limits: PatientData | None = None
    mrd_header: str | None = None


class Gen3Start(Gen2Start):
    """The payload as the third generation reads it."""

    sequence_id: str | None = None  # type: ignore[assignment]
    acquisition_parameter: Geometry | None = None  # type: ignore[assignment]
    position: int = 0
    calibration: list[Literal["flip-angle", "frequency", "shims"]] = []


STARTS: dict[str, type[Gen2Start]] = {"gen2": Gen2Start, "gen3": Gen3Start}
KEYS = {"feedback": {"command", "message"}, "pong": {"command"}, "error": {"command", "message", "code"}}
MORE = {"feedback": {"result_id"}}


def read_as_sdk(text: str, generation: str) -> Any:
    """Return what an SDK makes of a frame; fail where it would disconnect or take it for something else."""
    frame = orjson.loads(text)
    assert isinstance(frame, dict)
    command = frame["command"]
    if command == "start":
        assert set(frame) == {"command", "data"}
        return STARTS[generation].model_validate(frame["data"])
    needed = KEYS[command]
    assert needed <= set(frame) <= needed | MORE.get(command, set())
    assert all(isinstance(value, str) for value in frame.values())
    return frame


class SdkDevice:
    """The frames of a device, in the words of its SDK, sent into a session."""

    def __init__(self, session: DeviceSession, item: str = ITEM) -> None:
        self.session = session
        self.item = item

    def register(self, **details: Any):
        """Present itself."""
        return self.session.send(Register(data=Details(device_name="scanner", **details)))

    def ping(self):
        """Ask for a sign of life."""
        return self.session.send(Ping())

    def busy(self):
        """Begin a scan."""
        return self.session.send(UpdateStatus(status="BUSY"))

    def progress(self, percent: int, status: Any = "BUSY", **ids: Any):
        """Tell how far the scan is."""
        return self._about(status, StatusData(progress=percent), **ids)

    def online(self):
        """Be idle: with a scan its end."""
        return self.session.send(UpdateStatus(status="ONLINE", data=StatusData()))

    def offline(self):
        """Be about to go."""
        return self.session.send(UpdateStatus(status="OFFLINE", data=StatusData()))

    def error(self, text: str = "the coil is hot"):
        """Fail without naming a scan."""
        return self.session.send(UpdateStatus(status="ERROR", data=StatusData(error_message=text)))

    def scan_error(self, text: str = "the coil is hot", **ids: Any):
        """Fail in a scan."""
        return self._about("ERROR", StatusData(error_message=text), **ids)

    def header(self, size_bytes: int, filename: str | None = "a.mrd", sha256: str | None = None, **more: Any):
        """Announce a file."""
        ids: dict[str, Any] = {"task_id": self.item, "user_access_token": token_of(self.item)}
        fields: dict[str, Any] = {"size_bytes": size_bytes, "filename": filename, "sha256": sha256}
        return self.session.send(FileTransfer(**(ids | fields | more)))

    def _about(self, status: Any, data: StatusData, **ids: Any):
        named: dict[str, Any] = {"task_id": self.item, "user_access_token": token_of(self.item)} | ids
        return self.session.send(UpdateStatus(status=status, data=data, **named))


def opened(limits: Any = None) -> tuple[DeviceSession, SdkDevice]:
    """Return a session with a registered device, and the device."""
    session = DeviceSession() if limits is None else DeviceSession(limits)
    device = SdkDevice(session)
    session.open()
    device.register()
    return session, device
