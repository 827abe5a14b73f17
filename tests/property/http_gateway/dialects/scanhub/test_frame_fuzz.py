"""Text of any kind: it is a frame, or refused in one way."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from http_gateway.dialects.scanhub.credentials import read_device_headers
from http_gateway.dialects.scanhub.first_generation import read_first_frame
from http_gateway.dialects.scanhub.frames import FileTransfer, UpdateStatus, read_frame
from http_gateway.dialects.scanhub.refusals import FrameError
from http_gateway.dialects.scanhub.uploads import read_header, read_name
from queue_server.protocol.errors import ParameterError
from tests.doubles.device_sdk import opened
from tests.doubles.device_session import ITEM, token_of

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
COMMANDS = st.sampled_from(["register", "update_status", "file-transfer", "ping", "start", "feedback", ""]) | JSON
VALUES = JSON | st.sampled_from(["ONLINE", "BUSY", "ERROR", "OFFLINE", ITEM, token_of(ITEM), 0, 5, -1, 2**80])
DATA = st.dictionaries(st.sampled_from(["progress", "error_message", "site", "parameter", "id", "status"]), VALUES)
KEYS = (
    "status",
    "task_id",
    "user_access_token",
    "filename",
    "size_bytes",
    "content_type",
    "sha256",
    "device_parameter",
)
FRAMES = st.fixed_dictionaries({"command": COMMANDS}, optional=dict.fromkeys(KEYS, VALUES) | {"data": DATA | JSON})
TEXTS = st.text() | st.binary().map(lambda data: data.decode("latin-1")) | FRAMES.map(json.dumps) | JSON.map(json.dumps)


@given(TEXTS)
@example("\ud800")
@example("\x00{}")
@example('{"command":"update_status","status":"BUSY","data":{"progress":1e400}}')
@example("[" * 100_000)
@example('{"":' * 100_000)
def test_text_is_a_frame_or_refused(text):
    for read in (read_frame, read_first_frame):
        refusal = None
        try:
            read(text)
        except FrameError as error:
            refusal = error
        assert refusal is None or (refusal.reason and refusal.message)


@given(FRAMES)
def test_a_frame_that_is_read_has_what_its_rules_rely_on(value):
    try:
        frame = read_frame(json.dumps(value))
    except FrameError:
        return
    if isinstance(frame, UpdateStatus):
        assert frame.progress is None or 0 <= frame.progress <= 100
        assert type(frame.progress) in (int, type(None))
        assert frame.error_message
    if isinstance(frame, FileTransfer):
        assert frame.size_bytes >= 0
        assert len(read_name(frame)) <= 256


@given(st.text() | st.lists(st.sampled_from(["..", "/", "\\", ".", "a", "\x00", "ä"])).map("".join))
def test_a_name_that_is_accepted_stays_where_it_belongs(filename):
    header = FileTransfer(task_id="a", user_access_token="b", size_bytes=1, filename=filename)
    try:
        name = read_header(header).name
    except ParameterError:
        return
    assert name not in ("", ".", "..")
    assert not set(name) & set("/\\\x00")
    assert len(name.encode()) <= 255


@given(st.lists(TEXTS | st.integers(0, 20), max_size=20))
def test_no_text_and_no_bytes_bring_a_session_down(sent):
    session, device = opened()
    session.dispatch()
    device.busy()
    for each in sent:
        if isinstance(each, int):
            session.bytes(each)
        else:
            session.text(each)
    assert len(session.outcomes()) <= 1


@given(st.dictionaries(st.sampled_from(["Device-Id", "device-token", "DEVICE-ID", "x"]) | st.text(), st.text()))
def test_headers_are_a_credential_or_none(headers):
    found = read_device_headers(headers)
    assert found is None or len(found[0]) == 36
