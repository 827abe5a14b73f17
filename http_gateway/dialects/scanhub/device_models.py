"""What clients send and read about devices and their scans, as ScanHub names it. It checks forms only."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from queue_server.protocol.devices import ClientGeneration, DeviceCondition, DeviceStatus

DEFAULT_SCAN_NAME: Final = "scan"


class DeviceCreation(BaseModel):
    """What a new device is called; a status in it is passed over."""

    name: str
    description: str


class ScanRequest(BaseModel):
    """An acquisition task as clients send it, with an inline sequence in the place of its id if they like."""

    model_config = ConfigDict(extra="ignore")

    id: str | None = None
    name: str = DEFAULT_SCAN_NAME
    description: str = ""
    destination: str = ""
    task_type: str = "ACQUISITION"
    is_template: bool = False
    workflow_id: str | None = None
    device_id: str | None = None
    sequence_id: str | None = None
    sequence: dict[str, Any] | None = None
    acquisition_parameter: dict[str, Any] | None = None
    acquisition_limits: dict[str, Any] | None = None
    calibration: list[str] = Field(default_factory=list[str])


class DeviceCredentials(BaseModel):
    """The file of credentials, shown once."""

    device_token: str
    device_id: str


class DeviceStatusOut(BaseModel):
    """The status of a device."""

    status: DeviceStatus


class DeviceAddressOut(BaseModel):
    """The address from which a device is connected; null while it is not."""

    ip_address: str | None


class DeviceOut(BaseModel):
    """A device: its record, and how it is now."""

    id: str
    name: str
    description: str
    datetime_created: str
    datetime_updated: str | None = None
    device_name: str | None = None
    serial_number: str | None = None
    manufacturer: str | None = None
    modality: str | None = None
    site: str | None = None
    status: DeviceStatus
    parameter: dict[str, Any] | None = None
    registered_parameter: dict[str, Any] | None = None
    condition: DeviceCondition
    fault_message: str | None = None
    last_seen: str | None = None
    client_generation: ClientGeneration | None = None
    active_item_uid: str | None = None
    lane_length: int = 0


class ScanAccepted(BaseModel):
    """The item that a start has become, and where it stands."""

    item_uid: str
    task_id: str
    device_id: str | None
    lane: str
    position: int
    state: Literal["queued", "held"]
    device_status: DeviceStatus | None


DEVICE_MODELS: tuple[type[BaseModel], ...] = (
    DeviceCreation,
    ScanRequest,
    DeviceCredentials,
    DeviceStatusOut,
    DeviceAddressOut,
    DeviceOut,
    ScanAccepted,
)
