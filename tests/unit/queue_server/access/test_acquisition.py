"""Acquisitions: what a scan on a remote device may ask for, and where it may be queued."""

from __future__ import annotations

from typing import Any

import pytest

from queue_server.access.acquisition import validate_acquisition
from queue_server.protocol.acquisitions import MOST_UPLOADS
from queue_server.protocol.errors import ParameterError


class Groups:
    """A catalog that knows one group."""

    def for_group(self, group):
        """Refuse any other."""
        if group != "primary":
            raise ParameterError(f"Unknown user group {group!r}", field="user_group")


AXES = {"x": 1.0, "y": 1.0, "z": 1.0}
GOOD = {
    "sequence": {"name": "gre", "seq_file": "…"},
    "header_xml": "<header/>",
    "acquisition_parameter": {"fov_scaling": AXES, "fov_offset": AXES, "fov_rotation": AXES},
    "acquisition_limits": {"patient_height": 180, "patient_weight": 80, "patient_age": 40, "patient_gender": "OTHER"},
    "expected_uploads": 2,
    "scan_timeout_s": 90.5,
}


@pytest.fixture
def check():
    def check(kwargs=GOOD, *, is_remote=True, group="primary", **changes):
        item = {"item_type": "acquisition", "name": "localizer", "kwargs": kwargs, **changes}
        catalog: Any = Groups()
        validate_acquisition(item, catalog, group, is_remote=is_remote)

    return check


def test_a_scan_for_the_lane_of_a_device_is_accepted(check):
    check()
    check({"sequence_id": "7"})


@pytest.mark.parametrize(
    ("kwargs", "field"),
    [
        ({}, "item.kwargs.sequence_id"),
        ({"sequence_id": "7", "sequence": {}}, "item.kwargs.sequence_id"),
        ({"sequence_id": 7}, "item.kwargs.sequence_id"),
        ({"sequence_id": "7", "expected_uploads": -1}, "item.kwargs.expected_uploads"),
        ({"sequence_id": "7", "expected_uploads": MOST_UPLOADS + 1}, "item.kwargs.expected_uploads"),
        ({"sequence_id": "7", "scan_timeout_s": 0}, "item.kwargs.scan_timeout_s"),
        ({"sequence_id": "7", "upload_grace_s": float("nan")}, "item.kwargs.upload_grace_s"),
        ({"sequence_id": "7", "fov": 1}, "item.kwargs.fov"),
        (GOOD | {"acquisition_parameter": {"fov_scaling": AXES}}, "item.kwargs.acquisition_parameter.fov_offset"),
        (
            GOOD | {"acquisition_limits": GOOD["acquisition_limits"] | {"patient_gender": "X"}},
            "item.kwargs.acquisition_limits.patient_gender",
        ),
        ([], "item.kwargs"),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(check, kwargs, field):
    with pytest.raises(ParameterError, match="acquisition does not fit") as refusal:
        check(kwargs)
    assert refusal.value.field == field
    assert refusal.value.details["errors"][0]["field"] == field


def test_every_mistake_is_named(check):
    with pytest.raises(ParameterError) as refusal:
        check({"sequence_id": "7", "expected_uploads": "2", "fov": 1}, name="", args=[1])
    fields = [each["field"] for each in refusal.value.details["errors"]]
    assert fields == ["item.name", "item.kwargs.expected_uploads", "item.kwargs.fov", "item.args"]


def test_a_scan_for_a_lane_that_executes_plans_is_refused(check):
    with pytest.raises(ParameterError, match="the lane of a device") as refusal:
        check(is_remote=False)
    assert refusal.value.field == "item.item_type"


@pytest.mark.parametrize("kind", ["plan", "instruction", "dag", None])
def test_anything_else_for_the_lane_of_a_device_is_refused(check, kind):
    with pytest.raises(ParameterError, match="does not fit its lane") as refusal:
        check(item_type=kind)
    assert refusal.value.field == "item.item_type"


def test_a_group_that_does_not_exist_is_refused(check):
    with pytest.raises(ParameterError, match="Unknown user group"):
        check(group="nobody")
