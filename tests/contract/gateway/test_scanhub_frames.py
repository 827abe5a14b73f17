"""Every frame to a device, as the device SDKs of both generations read it: their models stand in for them here."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from http_gateway.dialects.scanhub.effects import SendFrame
from http_gateway.dialects.scanhub.frames import Complaint, Feedback, Pong, render_frame
from http_gateway.dialects.scanhub.refusals import StartTooLargeError
from http_gateway.dialects.scanhub.start_frame import (
    Plan,
    Scanning,
    Sequence,
    Task,
    build_start,
    check_start,
    measure_start,
    render_start,
)
from queue_server.protocol.acquisitions import OWN_FIELD_OF_VIEW
from queue_server.protocol.exam_records import AcquisitionLimits
from tests.doubles.device_sdk import opened, read_as_sdk
from tests.doubles.device_session import DEVICE, ITEM, OTHER, order_of

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
LIMITS = AcquisitionLimits(patient_height=180, patient_weight=80, patient_age=40, patient_gender="NOT_GIVEN")
REQUIRED = {
    "id",
    "name",
    "description",
    "destination",
    "creator",
    "task_type",
    "status",
    "progress",
    "is_template",
    "results",
    "datetime_created",
    "sequence_id",
    "sequence",
    "acquisition_parameter",
    "access_token",
    "device_parameter",
}
GENERATIONS = pytest.mark.parametrize("generation", ["gen2", "gen3"])


def sequence(**changes):
    fields = {
        "_id": "s1",
        "name": "spin echo",
        "description": "",
        "sequence_type": "pulseq",
        "created_at": NOW,
        "seq_file": "[VERSION]",
    }
    return Sequence.model_validate(fields | changes)


def start(limits=None, task=None, seq=None, parameter=None, plan=None, header=None):
    task = task or Task(name="", creator="", created=NOW, sequence_id="s1")
    scanning = Scanning(
        limits, seq or sequence(), OWN_FIELD_OF_VIEW, parameter or {}, plan or Plan(item_uid=ITEM), header
    )
    return build_start(task, scanning, "a scan token")


@GENERATIONS
def test_a_start_with_empty_texts_and_without_options_is_accepted(generation):
    data = start()
    assert set(data) == REQUIRED | {"position", "calibration"}
    accepted = read_as_sdk(render_start(data), generation)
    assert str(accepted.id) == ITEM
    assert accepted.access_token == "a scan token"
    assert accepted.datetime_created == NOW
    assert accepted.acquisition_parameter.fov_scaling.x == 1


@GENERATIONS
def test_a_start_with_every_option_is_accepted(generation):
    task = Task(
        name="t",
        description="d",
        destination="x",
        creator="bob",
        created=NOW,
        sequence_id="s1",
        workflow_id=OTHER,
        device_id=DEVICE,
        updated=NOW,
        position=3,
        calibration=["shims"],
    )
    seq = sequence(tags=["base64"], updated_at=NOW, seq_file_extension=".seq", xml_file="<x/>", xml_file_extension=".x")
    data = start(LIMITS, task, seq, {"b0": 3}, Plan(item_uid=ITEM, plan="count", args=[["d"]]), "<header/>")
    accepted = read_as_sdk(render_start(data), generation)
    assert accepted.acquisition_limits.model_dump() == LIMITS.model_dump()
    assert accepted.mrd_header == "<header/>"
    assert accepted.sequence.tags == ["base64"]
    assert str(accepted.device_id) == DEVICE


@GENERATIONS
@pytest.mark.parametrize("field", sorted(REQUIRED - {"sequence_id", "acquisition_parameter"}))
def test_the_models_miss_every_required_field(generation, field):
    data = start()
    del data[field]
    with pytest.raises(ValueError, match=field):
        read_as_sdk(render_start(data), generation)


@pytest.mark.parametrize("field", ["sequence_id", "acquisition_parameter"])
def test_the_second_generation_needs_two_fields_more(field):
    data = start()
    del data[field]
    with pytest.raises(ValueError, match=field):
        read_as_sdk(render_start(data), "gen2")


def test_options_that_are_not_given_are_absent_and_not_null():
    text = render_start(start())
    assert "null" not in json.dumps({**json.loads(text)["data"], "device_parameter": {}})


@pytest.mark.parametrize("seq_file", ["text", {"a": [1, None]}, [1, 2], None, 5])
@GENERATIONS
def test_a_sequence_may_be_any_json(generation, seq_file):
    accepted = read_as_sdk(render_start(start(seq=sequence(seq_file=seq_file))), generation)
    assert accepted.sequence.seq_file == seq_file


def test_the_parameters_of_the_device_travel_with_the_plan_and_are_never_null():
    plan = Plan(item_uid=ITEM, plan="scan", args=["m"], kwargs={"num": 3})
    assert start(plan=plan)["device_parameter"] == {
        "cuelight": {"item_uid": ITEM, "plan": "scan", "args": ["m"], "kwargs": {"num": 3}}
    }
    assert set(start(parameter={"b0": 3, "cuelight": "forged"})["device_parameter"]) == {"b0", "cuelight"}
    assert start(parameter={"cuelight": "forged"})["device_parameter"]["cuelight"]["item_uid"] == ITEM


def test_patient_limits_are_always_delivered():
    assert start(LIMITS)["acquisition_limits"] == {
        "patient_height": 180,
        "patient_weight": 80,
        "patient_age": 40,
        "patient_gender": "NOT_GIVEN",
    }
    with pytest.raises(TypeError):
        Scanning(sequence=sequence(), parameter=OWN_FIELD_OF_VIEW, device_parameter={}, plan=Plan(item_uid=ITEM))  # type: ignore[call-arg]


def sized(size_bytes):
    room = size_bytes - measure_start(render_start(start(seq=sequence(seq_file=""))))
    text = render_start(start(seq=sequence(seq_file="x" * room)))
    assert measure_start(text) == size_bytes
    return text


@GENERATIONS
def test_a_start_of_exactly_one_mebibyte_goes_to_every_generation(generation):
    text = sized(1_048_576)
    check_start(measure_start(text), generation)
    assert read_as_sdk(text, generation)


def test_one_byte_more_goes_to_the_third_generation_only():
    text = sized(1_048_577)
    check_start(measure_start(text), "gen3")
    with pytest.raises(StartTooLargeError):
        check_start(measure_start(text), "gen2")
    check_start(measure_start(sized(3_000_000)), "gen3")


@GENERATIONS
@pytest.mark.parametrize(
    "frame",
    [
        Pong(),
        Feedback(message="m"),
        Feedback(message="ä\n", result_id="r"),
        Complaint(message="m", code="c"),
    ],
)
def test_every_other_frame_has_the_keys_that_the_sdk_reads(generation, frame):
    assert read_as_sdk(render_frame(frame), generation)["command"] == frame.command


@GENERATIONS
def test_every_frame_of_a_busy_day_is_accepted(generation):
    session, device = opened()
    session.dispatch(order_of(expected_uploads=1))
    for text in ("x", "[]", "{}", '{"command":"cancel"}', '{"command":"register","data":5}'):
        session.text(text)
    device.ping()
    session.bytes(4)
    device.busy()
    device.header(3, "../..")
    session.bytes(3)
    device.header(3)
    session.bytes(5)
    device.header(3)
    session.bytes(3)
    session.written(3, 3)
    session.stored(3)
    device.online()
    device.error()
    device.register()
    sent = [effect.frame for effect in session.log if isinstance(effect, SendFrame)]
    assert {frame.command for frame in sent} == {"pong", "error", "feedback"}
    for frame in sent:
        read_as_sdk(render_frame(frame), generation)
