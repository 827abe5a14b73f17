"""Frames of devices: read tolerantly where the generations differ, strictly where a type could be misunderstood."""

from __future__ import annotations

import json

import pytest

from http_gateway.dialects.scanhub.frames import (
    Complaint,
    Feedback,
    FileTransfer,
    Ping,
    Pong,
    Register,
    UpdateStatus,
    read_frame,
    render_frame,
)
from http_gateway.dialects.scanhub.refusals import FrameError, OversizeError
from queue_server.protocol.codec import Bounds

FULL = {
    "device_name": "n",
    "serial_number": "s",
    "manufacturer": "m",
    "modality": "MR",
    "status": "ONLINE",
    "site": "x",
    "parameter": {"a": 1},
}


def read(**value):
    return read_frame(json.dumps(value))


def refusal_of(text):
    with pytest.raises(FrameError) as caught:
        read_frame(text)
    return caught.value


@pytest.mark.parametrize("data", [FULL, dict.fromkeys(FULL), {}, FULL | {"status": 7, "new": [1]}])
def test_a_registration_may_be_full_empty_or_have_more(data):
    assert isinstance(read(command="register", data=data, other=1), Register)


def test_a_registration_tells_what_is_not_null():
    frame = read(command="register", data=FULL | {"site": None, "protocol": "cuelight/1"})
    assert isinstance(frame, Register)
    assert frame.data.told == {
        "device_name": "n",
        "serial_number": "s",
        "manufacturer": "m",
        "modality": "MR",
    }


@pytest.mark.parametrize(
    ("frame", "progress"),
    [
        ({"status": "BUSY", "data": None, "task_id": None, "user_access_token": None}, None),
        ({"status": "BUSY"}, None),
        ({"status": "ONLINE", "data": {}}, None),
        ({"status": "BUSY", "data": {"progress": 0}, "task_id": "a", "user_access_token": "b"}, 0),
        ({"status": "ONLINE", "data": {"progress": 50}, "task_id": "a", "user_access_token": "b"}, 50),
        ({"status": "BUSY", "data": {"progress": 140}}, 100),
        ({"status": "BUSY", "data": {"progress": -3}}, 0),
        ({"status": "OFFLINE", "data": {"reason": "stop"}}, None),
    ],
)
def test_a_status_of_either_generation_is_read(frame, progress):
    read_status = read(command="update_status", **frame)
    assert isinstance(read_status, UpdateStatus)
    assert read_status.progress == progress


def test_a_status_names_a_scan_as_soon_as_one_id_is_there():
    assert read(command="update_status", status="BUSY").names_no_scan  # type: ignore[union-attr]
    assert not read(command="update_status", status="BUSY", task_id="a").names_no_scan  # type: ignore[union-attr]


def test_a_header_needs_three_fields_and_knows_the_default_name():
    frame = read(command="file-transfer", task_id="a", user_access_token="b", size_bytes=0)
    assert isinstance(frame, FileTransfer)
    assert frame.file_name == "upload.bin"
    named = read(command="file-transfer", task_id="a", user_access_token="b", size_bytes=1, filename="")
    assert isinstance(named, FileTransfer)
    assert named.file_name == ""


def test_a_ping_is_a_ping():
    assert read(command="ping", extra={"a": 1}) == Ping()


BAD = [
    ("", "no_object"),
    ("nonsense", "no_object"),
    ("[]", "no_object"),
    ("5", "no_object"),
    ('"x"', "no_object"),
    ("null", "no_object"),
    ("\u07e0{}", "no_object"),
    ("{", "invalid_json"),
    ('{"command":"ping",}', "invalid_json"),
    ('{"command":NaN}', "invalid_json"),
    ('{"a":"\ud800"}', "invalid_json"),
    ('{"a":' * 33 + "1" + "}" * 33, "invalid_json"),
    ('{"a":' * 5000 + "1" + "}" * 5000, "invalid_json"),
    ('{"a":[' + "0," * 100_001 + "0]}", "invalid_json"),
    ("{}", "no_command"),
    ('{"command":null}', "no_command"),
    ('{"command":["ping"]}', "no_command"),
    ('{"command":"dance"}', "unknown_command"),
    ('{"command":"start","data":{}}', "unknown_command"),
    ('{"command":"register"}', "invalid_value"),
    ('{"command":"register","data":null}', "invalid_value"),
    ('{"command":"register","data":[]}', "invalid_value"),
    ('{"command":"register","data":{"site":5}}', "invalid_value"),
    ('{"command":"register","data":{"parameter":[]}}', "invalid_value"),
    ('{"command":"update_status"}', "invalid_value"),
    ('{"command":"update_status","status":"busy"}', "invalid_value"),
    ('{"command":"update_status","status":null}', "invalid_value"),
    ('{"command":"update_status","status":"BUSY","data":[]}', "invalid_value"),
    ('{"command":"update_status","status":"BUSY","data":{"progress":12.5}}', "invalid_value"),
    ('{"command":"update_status","status":"BUSY","data":{"progress":"12"}}', "invalid_value"),
    ('{"command":"update_status","status":"BUSY","data":{"progress":true}}', "invalid_value"),
    ('{"command":"update_status","status":"BUSY","task_id":5}', "invalid_value"),
    ('{"command":"update_status","status":"ERROR","data":{"error_message":[]}}', "invalid_value"),
    ('{"command":"file-transfer"}', "invalid_value"),
    ('{"command":"file-transfer","task_id":"a","user_access_token":"b","size_bytes":-1}', "invalid_value"),
    ('{"command":"file-transfer","task_id":"a","user_access_token":"b","size_bytes":1.5}', "invalid_value"),
    ('{"command":"file-transfer","task_id":null,"user_access_token":"b","size_bytes":1}', "invalid_value"),
]


@pytest.mark.parametrize(("text", "reason"), BAD, ids=[f"{number}-{reason}" for number, (_, reason) in enumerate(BAD)])
def test_what_is_no_frame_is_refused_with_a_word_and_a_sentence(text, reason):
    error = refusal_of(text)
    assert error.reason == reason
    assert not isinstance(error, OversizeError)
    assert error.message.endswith(".")
    assert "instance" not in error.message


@pytest.mark.parametrize("filler", ["x", "é"])
def test_a_frame_of_exactly_the_limit_is_read_and_one_byte_more_is_not(filler):
    frame = '{"command":"ping","x":"%s"}'
    room = 200 - len(frame.replace("%s", ""))
    text = frame % (filler * (room // len(filler.encode())) + "x" * (room % len(filler.encode())))
    assert len(text.encode()) == 200
    assert read_frame(text, Bounds(size_bytes=200)) == Ping()
    with pytest.raises(OversizeError):
        read_frame(text, Bounds(size_bytes=199))


def test_a_refusal_repeats_no_value_and_a_frame_shows_no_token():
    text = '{"command":"update_status","status":"SECRET","user_access_token":"SECRET","task_id":7}'
    assert "SECRET" not in refusal_of(text).message
    status = read(command="update_status", status="BUSY", user_access_token="SECRET")
    header = read(command="file-transfer", task_id="a", user_access_token="SECRET", size_bytes=0)
    assert "SECRET" not in repr(status) + repr(header)


def test_an_unknown_command_is_shown_shortened():
    assert len(refusal_of('{"command":"' + "x" * 10_000 + '"}').message) < 120


def test_frames_to_the_device_have_their_keys_and_no_nulls():
    assert json.loads(render_frame(Pong())) == {"command": "pong"}
    assert json.loads(render_frame(Feedback(message="m"))) == {"command": "feedback", "message": "m"}
    assert json.loads(render_frame(Feedback(message="m", result_id="r")))["result_id"] == "r"
    assert json.loads(render_frame(Complaint(message="m", code="c"))) == {
        "command": "error",
        "message": "m",
        "code": "c",
    }
