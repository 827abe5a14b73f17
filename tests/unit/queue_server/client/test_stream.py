"""The gateway's stream: what is asked for, and which notices its frames are."""

from __future__ import annotations

import json

import pytest

from queue_server.client.http_errors import HTTPAccessError, HTTPClientError, HTTPRequestError
from queue_server.client.notices import CONSOLE_TOPIC, EVENT_TOPIC, PROGRESS_TOPIC, STATUS_TOPIC, TOPICS, Notice
from queue_server.client.stream import Stream


def started(*topics):
    stream = Stream([topic.encode() for topic in topics])
    stream.begin()
    stream.take('{"op": "pong"}')
    return stream


def frame(topic, data, seq=1, time=5.5, **more):
    return json.dumps({"topic": topic, "seq": seq, "time": time, "data": data, **more})


def notices_after(stream, *frames):
    for text in frames:
        stream.take(text)
    return list(iter(stream.next, None))


def output(*chunks, **more):
    data = {"chunks": [{"seq": seq, "time": float(seq), "text": text} for seq, text in chunks]}
    return frame("console", data, seq=chunks[-1][0], **more)


def test_prefixes_are_turned_into_topics_of_the_stream():
    asked = [[json.loads(message) for message in Stream([prefix]).begin()] for prefix in (b"", b"QS_", b"cuelight.pro")]
    assert [messages[0]["topics"] for messages in asked] == [
        ["status", "progress", "console", "events"], ["status", "console"], ["progress"],
    ]  # fmt: skip
    assert all(messages[-1] == {"op": "ping"} for messages in asked)
    assert [json.loads(message) for message in Stream([b"other"]).begin()] == [{"op": "ping"}]


def test_it_has_begun_once_the_question_is_answered():
    stream = Stream([b"QS_Info"])
    stream.begin()
    stream.take('{"op": "hello", "topics": []}')
    assert not stream.has_begun
    stream.take('{"op": "pong", "time": 1.0}')
    assert stream.has_begun
    stream.begin()
    assert not stream.has_begun


def test_frames_become_the_notices_of_a_manager():
    stream = started(*TOPICS)
    arrived = notices_after(
        stream,
        frame("status", {"manager_state": "idle"}),
        frame("progress", {"lane": "default", "points": 3}),
        frame("events", {"seq": 7, "kind": "queue_start"}, seq=7),
        output((1, "one\n"), (2, "two\n")),
        frame("hb", {"manager_answers": True}),
        frame("status", "no object"),
    )
    assert arrived == [
        Notice(STATUS_TOPIC, {"time": 5.5, "msg": {"status": {"manager_state": "idle"}}}),
        Notice(PROGRESS_TOPIC, {"lane": "default", "points": 3}),
        Notice(EVENT_TOPIC, {"seq": 7, "kind": "queue_start"}),
        Notice(CONSOLE_TOPIC, {"time": 1.0, "msg": "one\n"}),
        Notice(CONSOLE_TOPIC, {"time": 2.0, "msg": "two\n"}),
    ]


def test_what_was_so_before_is_no_notice():
    stream = started(*TOPICS)
    assert notices_after(
        stream,
        frame("status", {}, snapshot=True),
        frame("events", {"items": []}, seq=9, snapshot=True),
        output((1, "old\n"), snapshot=True),
    ) == []  # fmt: skip


def test_a_new_connection_goes_on_where_the_last_one_ended():
    stream = started(*TOPICS)
    notices_after(stream, frame("status", {}, seq=40), frame("events", {}, seq=7), output((1, "one\n"), (2, "two\n")))
    subscribe = json.loads(stream.begin()[0])
    assert subscribe["since"] == {"events": 7, "console": 2}
    stream.take('{"op": "pong"}')
    arrived = notices_after(
        stream,
        frame("status", {"manager_state": "idle"}, snapshot=True),
        frame("events", {}, seq=70, snapshot=True),
        output((1, "one\n"), (2, "two\n"), (3, "three\n"), snapshot=True),
        output((3, "three\n"), (4, "four\n")),
    )
    assert [notice.text or notice.status for notice in arrived] == [{"manager_state": "idle"}, "three\n", "four\n"]


def test_every_sixteenth_frame_is_acknowledged_on_each_connection_anew():
    stream = started(STATUS_TOPIC)
    sent = [stream.take(frame("status", {})) for _ in range(33)]
    assert [json.loads(message) for messages in sent for message in messages] == [
        {"op": "ack", "frames": 16}, {"op": "ack", "frames": 32},
    ]  # fmt: skip
    stream.begin()
    assert [stream.take(frame("status", {})) for _ in range(15)] == [[]] * 15
    assert stream.take(frame("status", {})) == ['{"op": "ack", "frames": 16}']


def test_what_is_told_about_a_topic_is_no_frame_with_data():
    stream = started(STATUS_TOPIC)
    for number in range(20):
        assert stream.take(json.dumps({"op": "gap", "topic": "console", "gap": number})) == []
    assert stream.next() is None


def test_a_topic_that_is_refused_is_an_error():
    refusal = {"op": "error", "topic": "console", "code": "scope", "status": 403, "detail": "Not enough permissions."}
    with pytest.raises(HTTPAccessError, match="403: console: Not enough"):
        Stream([b""]).take(json.dumps(refusal))
    with pytest.raises(HTTPClientError, match="400: Bad"):
        Stream([b""]).take('{"op": "error", "detail": "Bad"}')


@pytest.mark.parametrize("text", ["", "[]", "no json", b"\xff"])
def test_what_is_no_frame_is_an_error(text):
    with pytest.raises(HTTPRequestError, match="stream sent"):
        started(STATUS_TOPIC).take(text)
