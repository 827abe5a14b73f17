"""First-generation frames: translated into those of today, and back."""

from __future__ import annotations

import json

import pytest

from http_gateway.dialects.scanhub.first_generation import build_first_start, read_first_frame, render_first_frame
from http_gateway.dialects.scanhub.frames import Cancel, Complaint, Feedback, Pong, Register, Remark, UpdateStatus
from http_gateway.dialects.scanhub.refusals import DispatchError, FrameError
from tests.doubles.device_session import ITEM, DeviceSession, order_of


def read(**value):
    return read_first_frame(json.dumps(value))


def status(word, **additional):
    data = {"id": "s1", "status": word}
    return read(command="update_status", data=data | ({"additional_data": additional} if additional else {}))


def test_a_registration_names_the_device():
    name, frame = read(command="register", data={"id": "s1", "name": "n", "modality": "MR", "ip_address": "1.2.3.4"})
    assert name == "s1"
    assert isinstance(frame, Register)
    assert frame.data.told == {"device_name": "n", "modality": "MR"}


@pytest.mark.parametrize(
    ("word", "additional", "expected"),
    [
        ("ready", {}, ("ONLINE", None)),
        ("offline", {}, ("OFFLINE", None)),
        ("scanning", {}, ("BUSY", None)),
        ("scanning", {"percentage": 12}, ("BUSY", 12)),
        ("scanning", {"percentage": 99.9}, ("BUSY", 99)),
        ("scanning", {"percentage": 1e300}, ("BUSY", 100)),
        ("scanning", {"percentage": -4.5}, ("BUSY", 0)),
        ("error", {"error_message": "hot"}, ("ERROR", None)),
    ],
)
def test_a_status_is_translated(word, additional, expected):
    name, frame = status(word, **additional)
    assert name == "s1"
    assert isinstance(frame, UpdateStatus)
    assert (frame.status, frame.progress) == expected
    assert frame.names_no_scan


def test_an_unknown_word_is_no_status():
    assert isinstance(status("init")[1], Remark)


@pytest.mark.parametrize(
    "value",
    [
        {"command": "ping"},
        {"command": "file-transfer", "task_id": "a", "user_access_token": "b", "size_bytes": 3},
        {},
        {"command": "register", "data": {"name": "n"}},
        {"command": "update_status", "data": {"id": "s1", "status": 5}},
        {
            "command": "update_status",
            "data": {"id": "s1", "status": "scanning", "additional_data": {"percentage": "x"}},
        },
    ],
)
def test_what_the_first_generation_does_not_know_is_refused(value):
    with pytest.raises(FrameError):
        read(**value)


def test_a_whole_scan_of_the_first_generation():
    session = DeviceSession()
    session.open("first")
    session.send(read(command="register", data={"id": "s1"})[1])
    session.dispatch(order_of(expected_uploads=0))
    session.send(status("init")[1])
    assert session.state.scan is not None
    for percentage in (0, 40.5, 100):
        session.send(status("scanning", percentage=percentage)[1])
    assert session.scan.progress == 100
    assert session.scan.phase == "running"
    session.send(status("ready")[1])
    assert session.outcomes() == [(ITEM, "done")]
    assert session.connection.client == "first"


def test_an_error_of_the_first_generation_fails_the_active_item():
    session = DeviceSession()
    session.open("first")
    session.send(read(command="register", data={"id": "s1"})[1])
    session.dispatch(order_of(expected_uploads=0))
    session.send(status("error", error_message="hot")[1])
    assert session.outcomes() == [(ITEM, "failed")]


def test_errors_have_their_own_form_and_what_it_does_not_know_is_not_sent():
    assert json.loads(render_first_frame(Complaint(message="m", code="c")) or "") == {"message": "m"}
    assert json.loads(render_first_frame(Feedback(message="m", result_id="r")) or "") == {
        "command": "feedback",
        "message": "m",
    }
    assert render_first_frame(Pong()) is None
    assert render_first_frame(Cancel(task_id="t")) is None


START = {
    "sequence": {"seq_file": "SEQ", "xml_file": "<xml/>"},
    "acquisition_parameter": {"fov_scaling": {"x": 1}},
    "device_parameter": {"cuelight": {}},
}


def test_a_start_is_mapped_back_onto_three_texts():
    assert json.loads(build_first_start(START)) == {
        "command": "start",
        "data": {
            "header_xml": "<xml/>",
            "sequence_data": "SEQ",
            "acquisition_data": '{"fov_scaling":{"x":1}}',
        },
    }
    raw = START | {"mrd_header": "<real/>", "device_parameter": {"acquisition_data": "RAW"}}
    data = json.loads(build_first_start(raw))["data"]
    assert (data["header_xml"], data["acquisition_data"]) == ("<real/>", "RAW")
    binary = START | {"sequence": {"seq_file": {"a": 1}}}
    assert json.loads(build_first_start(binary))["data"]["sequence_data"] == '{"a":1}'


def test_a_start_that_would_lose_patient_limits_is_refused():
    with pytest.raises(DispatchError, match="patient limits") as caught:
        build_first_start(START | {"acquisition_limits": {"patient_age": 3}})
    assert caught.value.obstacle == "unsuitable"
