"""Acquisitions: what the content of an item asks for, and the start frame that it becomes."""

from __future__ import annotations

import pytest

from http_gateway.dialects.scanhub.orders import moment_of, prepare, read_content, read_sequence
from http_gateway.dialects.scanhub.scan_tokens import issue_scan_token
from http_gateway.dialects.scanhub.start_frame import measure_start
from queue_server.protocol.errors import ParameterError
from tests.doubles.device_sdk import read_as_sdk
from tests.doubles.device_session import DEVICE, ITEM, OTHER

NOW = moment_of(1_700_000_000.0)
RECORD = {
    "id": OTHER,
    "name": "spin echo",
    "description": "d",
    "sequence_type": "pulseq",
    "tags": ["knee"],
    "seq_file_extension": ".seq",
    "xml_file_extension": None,
    "creator": "eve",
    "datetime_created": "2026-01-02T03:04:05+00:00",
    "datetime_updated": None,
    "version": 1,
    "seq_file": "[VERSION]",
    "xml_file": "<x/>",
}
LIMITS = {"patient_height": 180, "patient_weight": 80, "patient_age": 40, "patient_gender": "NOT_GIVEN"}


def content(**kwargs):
    return read_content({"item_type": "acquisition", "name": "knee", "item_uid": ITEM, "user": "bob", "kwargs": kwargs})


def start_of(wanted, sequence=None, device=None):
    read = read_sequence(sequence or wanted.acquisition.sequence, wanted, NOW)
    token = issue_scan_token(DEVICE, ITEM)
    prepared = prepare(wanted, read, device or {}, token, NOW)
    assert prepared.order.start_bytes == measure_start(prepared.start)
    return prepared, read_as_sdk(prepared.start, "gen2"), token[0]


def test_a_sequence_of_the_records_goes_out_with_all_that_is_known_of_it():
    wanted = content(sequence_id=OTHER, acquisition_limits=LIMITS, header_xml="<header/>", workflow_id=OTHER)
    prepared, start, token = start_of(wanted, RECORD)
    assert (str(start.id), start.name, start.creator, start.sequence_id) == (ITEM, "knee", "bob", OTHER)
    assert (start.sequence.name, start.sequence.tags, start.sequence.xml_file) == ("spin echo", ["knee"], "<x/>")
    assert start.sequence.created_at.year == 2026
    assert (start.mrd_header, start.acquisition_limits.model_dump()) == ("<header/>", LIMITS)
    assert start.access_token == token
    assert token not in repr(prepared)
    assert (str(start.device_id), str(start.workflow_id)) == (DEVICE, OTHER)


def test_an_inline_sequence_needs_nothing_but_its_file():
    absent = dict.fromkeys(("acquisition_parameter", "device_parameter", "acquisition_limits", "scan_timeout_s"))
    _, start, _ = start_of(content(sequence={"seq_file": "a"}, header_xml="<h/>", **absent))
    assert (start.sequence.id, start.sequence.name, start.sequence.seq_file) == (ITEM, "knee", "a")
    assert (start.sequence.xml_file, start.mrd_header) == ("<h/>", "<h/>")
    assert start.sequence.created_at == start.datetime_created == NOW


def test_the_parameters_of_the_item_go_before_those_of_the_device():
    wanted = content(sequence={"seq_file": ""}, device_parameter={"gain": 2}, expected_uploads=3, upload_grace_s=5)
    prepared, start, _ = start_of(wanted, device={"gain": 1, "b0": 3})
    assert prepared.order.parameter == {"gain": 2, "b0": 3}
    assert start.device_parameter["gain"] == 2
    assert (prepared.order.expected_uploads, prepared.order.upload_grace_s) == (3, 5.0)
    assert prepared.order.scan_timeout_s is None


def test_the_exam_task_is_the_one_that_is_named_or_that_of_the_item():
    assert content(sequence={"seq_file": ""}).task_id == ITEM
    assert content(sequence={"seq_file": ""}, task_id=OTHER).task_id == OTHER


@pytest.mark.parametrize(
    ("kwargs", "field"),
    [
        ({}, "kwargs.sequence"),
        ({"sequence": "text"}, "kwargs.sequence"),
        ({"sequence_id": OTHER, "expected_uploads": -1}, "kwargs.expected_uploads"),
        ({"sequence_id": OTHER, "upload_grace_s": 1e9}, "kwargs.upload_grace_s"),
        ({"sequence_id": OTHER, "scan_timeout_s": 0}, "kwargs.scan_timeout_s"),
        ({"sequence_id": OTHER, "workflow_id": "w"}, "kwargs.workflow_id"),
        ({"sequence_id": OTHER, "acquisition_limits": {**LIMITS, "patient_age": 1.5}}, "kwargs.acquisition_limits"),
        ({"sequence_id": OTHER, "acquisition_parameter": {"fov": 1}}, "kwargs.acquisition_parameter.fov"),
    ],
)
def test_an_argument_of_a_wrong_form_is_named(kwargs, field):
    with pytest.raises(ParameterError) as caught:
        content(**kwargs)
    assert str(caught.value.field).startswith(field)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"item_type": "plan"}, "item_type"), ({"item_uid": "7"}, "item_uid"), ({"kwargs": [1]}, "kwargs")],
)
def test_what_no_scanner_could_take_is_refused(changes, field):
    item = {"item_type": "acquisition", "item_uid": ITEM, "kwargs": {"sequence": {"seq_file": ""}}}
    with pytest.raises(ParameterError) as caught:
        read_content(item | changes)
    assert str(caught.value.field).startswith(field)


def test_a_sequence_without_a_file_is_refused():
    wanted = content(sequence={"name": "empty"})
    with pytest.raises(ParameterError, match="seq_file"):
        read_sequence(wanted.acquisition.sequence or {}, wanted, NOW)
