"""Values of devices as messages: topics that nobody confuses, and content that comes back as it was packed."""

from __future__ import annotations

import pytest

from queue_server.protocol.codec import encode
from queue_server.protocol.device_values import (
    DEVICE_PREFIX,
    DeviceValues,
    asking_topic,
    pack_values,
    read_asking_topic,
    read_values,
    read_values_topic,
    values_topic,
)
from queue_server.protocol.documents import document_topic, read_header
from queue_server.protocol.errors import EnvelopeError

VALUES = DeviceValues(
    "default", "stage.x", "me", 3, 1.5, {"stage_x": {"value": 2, "timestamp": 1.0}}, True, note="a note", error=""
)


def test_what_is_packed_is_read():
    frames = pack_values(VALUES)
    assert frames[0] == values_topic("default", "stage.x")
    assert read_values(frames) == VALUES


def test_a_device_whose_name_begins_like_another_is_not_meant():
    assert not values_topic("default", "motor1").startswith(values_topic("default", "motor"))


def test_no_lane_has_documents_that_begin_like_values():
    assert not document_topic("default").startswith(DEVICE_PREFIX)
    assert values_topic("default", "m").startswith(DEVICE_PREFIX)
    assert asking_topic("default", "m", "me").startswith(DEVICE_PREFIX)


def test_topics_tell_the_device_of_this_lane_and_their_kind():
    assert read_values_topic(values_topic("b", "stage.x"), "b") == "stage.x"
    assert read_asking_topic(asking_topic("b", "stage.x", "me"), "b") == "stage.x"
    for topic in (
        values_topic("c", "m"),
        asking_topic("b", "m", "me"),
        b"",
        b"b/start",
        b"\xff",
        values_topic("b", ""),
    ):
        assert read_values_topic(topic, "b") is None
    for topic in (asking_topic("c", "m", "me"), values_topic("b", "m"), b"", b"b/", b"\xff/"):
        assert read_asking_topic(topic, "b") is None


def test_whoever_reads_documents_can_tell_that_these_are_none():
    with pytest.raises(EnvelopeError):
        read_header(pack_values(VALUES))


@pytest.mark.parametrize(
    "wrong",
    [
        {"readings": None},
        {"readings": {"a": 1}},
        {"is_moving": 1},
        {"number": True},
        {"error": None},
        {"time": "now"},
    ],
)
def test_what_is_no_message_about_values_is_refused(wrong):
    fields = {"lane": "b", "device": "m", "incarnation": "me", "number": 1, "time": 1.0, "readings": {}}
    fields |= {"is_moving": None, "note": "", "error": ""}
    assert read_values([b"", encode(fields, "msgpack")]).device == "m"
    with pytest.raises(EnvelopeError):
        read_values([b"", encode({**fields, **wrong}, "msgpack")])


def test_a_document_is_no_message_about_values():
    with pytest.raises(EnvelopeError, match="2 frames"):
        read_values([b"", b"", b""])
