"""The arguments of an acquisition, which is a scan that a remote device carries out."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from queue_server.protocol.exam_records import (
    AcquisitionLimits,
    AcquisitionParameter,
    CalibrationType,
    Line,
    RecordId,
    Text,
    Vector,
)

MOST_UPLOADS: Final = 256
LONGEST_GRACE_S: Final = 86_400

_ONE, _ZERO = Vector(x=1.0, y=1.0, z=1.0), Vector(x=0.0, y=0.0, z=0.0)
OWN_FIELD_OF_VIEW: Final = AcquisitionParameter(fov_scaling=_ONE, fov_offset=_ZERO, fov_rotation=_ZERO)
"""The field of view of an acquisition that names none: as the sequence has it."""


class Acquisition(BaseModel):
    """The arguments (``kwargs``) of an acquisition: what is scanned, and when it counts as done.

    Either ``sequence_id`` names a stored sequence, or ``sequence`` is one. It is done once the device has ended and
    ``expected_uploads`` files have arrived, at most ``upload_grace_s`` seconds later; if the device does not end, its
    outcome is unknown after ``scan_timeout_s`` seconds.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True, defer_build=True
    )

    sequence_id: str | None = Field(default=None, min_length=1, max_length=128)
    sequence: dict[str, Any] | None = None
    header_xml: str | None = None
    acquisition_parameter: AcquisitionParameter | None = None
    acquisition_limits: AcquisitionLimits | None = None
    device_parameter: dict[str, Any] | None = None
    calibration: list[CalibrationType] = Field(default_factory=list[CalibrationType], max_length=16)
    expected_uploads: int = Field(default=1, ge=0, le=MOST_UPLOADS)
    upload_grace_s: float = Field(default=60, ge=0, le=LONGEST_GRACE_S)
    scan_timeout_s: float | None = Field(default=None, gt=0)
    task_id: RecordId | None = None
    workflow_id: RecordId | None = None
    description: Text = ""
    destination: Line = ""
