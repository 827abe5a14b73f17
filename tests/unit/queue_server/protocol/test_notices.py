"""Notices: two frames, and topics that no prefix subscription of another client catches."""

from __future__ import annotations

import pytest

from queue_server.protocol.codec import decode
from queue_server.protocol.notices import TOPICS, console_notice, frame_notice, status_notice

# What clients of bluesky-queueserver subscribe to, by prefix.
FOREIGN_TOPICS = ("QS_Console", "QS_Info")


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("topic", TOPICS)
def test_a_notice_has_exactly_two_frames(topic, encoding):
    frames = frame_notice(topic, {"a": 1}, encoding)
    assert len(frames) == 2
    assert (frames[0], decode(frames[1])) == (topic.encode(), ({"a": 1}, encoding))


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_console_output_has_the_form_that_clients_read(encoding):
    topic, payload = console_notice(5.5, "text\n", encoding)
    assert topic == b"QS_Console"
    assert decode(payload) == ({"time": 5.5, "msg": "text\n"}, encoding)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_status_has_the_form_that_clients_read(encoding):
    topic, payload = status_notice(5.5, {"manager_state": "idle"}, encoding)
    assert topic == b"QS_Info"
    assert decode(payload) == ({"time": 5.5, "msg": {"status": {"manager_state": "idle"}}}, encoding)


def test_json_is_what_clients_expect_unless_they_are_told_otherwise():
    assert console_notice(1.0, "x")[1].startswith(b"{")
    assert status_notice(1.0, {})[1].startswith(b"{")


def test_no_topic_of_its_own_begins_with_one_that_clients_subscribe_to():
    native = [topic for topic in TOPICS if topic not in FOREIGN_TOPICS]
    assert native
    assert not [topic for topic in native if topic.startswith(FOREIGN_TOPICS)]


def test_no_topic_is_the_beginning_of_another():
    assert [(a, b) for a in TOPICS for b in TOPICS if a != b and b.startswith(a)] == []
