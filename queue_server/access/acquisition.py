"""Checks an acquisition, which is a scan that a remote device carries out, before it is queued. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from queue_server.access.catalog import Catalog
from queue_server.access.field_error import FieldError, join_errors, show_value

KIND = "acquisition"
MOST_UPLOADS = 256
LONGEST_GRACE_S = 86_400
_LONGEST_TEXT = 4096


class Axes(BaseModel):
    """A number for each axis of the device."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    x: float
    y: float
    z: float


class AcquisitionParameter(BaseModel):
    """How the field of view is changed from that of the sequence: by factors, in mm, in degrees."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fov_scaling: Axes
    fov_offset: Axes
    fov_rotation: Axes


class AcquisitionLimits(BaseModel):
    """What the device must know of the patient to stay within its limits: cm, kg, years."""

    model_config = ConfigDict(extra="forbid", strict=True)

    patient_height: int = Field(ge=0)
    patient_weight: int = Field(ge=0)
    patient_age: int = Field(ge=0)
    patient_gender: str = Field(pattern="^(MALE|FEMALE|OTHER|NOT_GIVEN)$")


class Acquisition(BaseModel):
    """The arguments (``kwargs``) of an acquisition: what is scanned, and when it counts as done.

    Either ``sequence_id`` names a stored sequence, or ``sequence`` is one. It is done once the device has ended and
    ``expected_uploads`` files have arrived, at most ``upload_grace_s`` seconds later; if the device does not end, its
    outcome is unknown after ``scan_timeout_s`` seconds.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    sequence_id: str | None = Field(default=None, min_length=1, max_length=_LONGEST_TEXT)
    sequence: dict[str, Any] | None = None
    header_xml: str | None = None
    acquisition_parameter: AcquisitionParameter | None = None
    acquisition_limits: AcquisitionLimits | None = None
    device_parameter: dict[str, Any] | None = None
    calibration: list[str] = []
    expected_uploads: int = Field(default=1, ge=0, le=MOST_UPLOADS)
    upload_grace_s: float = Field(default=60, ge=0, le=LONGEST_GRACE_S)
    scan_timeout_s: float | None = Field(default=None, gt=0)
    task_id: str | None = Field(default=None, max_length=_LONGEST_TEXT)
    workflow_id: str | None = Field(default=None, max_length=_LONGEST_TEXT)
    description: str = Field(default="", max_length=_LONGEST_TEXT)
    destination: str = Field(default="", max_length=_LONGEST_TEXT)


def validate_acquisition(item: Mapping[str, Any], catalog: Catalog, group: str, *, is_remote: bool) -> None:
    """Check an item for a lane that is remote, or an acquisition for any lane.

    Raises:
        ParameterError: the group is unknown, the lane executes no such items, or an argument does not fit.
            ``details["errors"]`` is a list of ``{field, given, accepted}``.
    """
    catalog.for_group(group)
    label, kind, name, kwargs = (
        "The acquisition does not fit",
        item.get("item_type"),
        item.get("name"),
        item.get("kwargs", {}),
    )
    if not is_remote:
        accepted = "the lane of a device that connects by itself (lane)"
        raise join_errors(label, [FieldError("item.item_type", show_value(kind), accepted)])
    if kind != KIND:
        accepted = f"{KIND!r}: this is the lane of a device"
        raise join_errors("The item does not fit its lane", [FieldError("item.item_type", show_value(kind), accepted)])
    findings = _find_wrong(kwargs)
    if not isinstance(name, str) or not name:
        findings.insert(0, FieldError("item.name", show_value(name), "a text that people recognise the scan by"))
    if item.get("args"):
        findings.append(FieldError("item.args", show_value(item["args"]), "nothing: give arguments by name, in kwargs"))
    if findings:
        raise join_errors(label, findings)


def _find_wrong(kwargs: object) -> list[FieldError]:
    try:
        Acquisition.model_validate(kwargs)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        return [FieldError(_path(each["loc"]), show_value(each["input"]), _accepted(each["msg"])) for each in problems]
    given = cast("Mapping[str, Any]", kwargs)
    if (given.get("sequence_id") is None) == (given.get("sequence") is None):
        shown = "neither" if given.get("sequence") is None else "both"
        return [FieldError("item.kwargs.sequence_id", shown, "either 'sequence_id' or 'sequence'")]
    return []


def _path(place: tuple[int | str, ...]) -> str:
    return ".".join(("item", "kwargs", *map(str, place)))


def _accepted(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"
