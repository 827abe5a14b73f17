"""Notices: exactly two frames, in the configured encoding, and never a wait."""

from __future__ import annotations

import pytest
import zmq

from queue_server.clock import ManualClock
from queue_server.protocol.codec import Encoding, decode
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import Origin
from queue_server.transport.notices import Form, NoticesSocket

STATUS = {"manager_state": "idle", "status_uid": "u"}
NEVER_S = 3600
PROBE = b"probe"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def make_notices(context, address, clock):
    """Make notices sockets; all are closed with the test."""
    made = []

    def make(encoding: Encoding = "json", repeat_s=NEVER_S):
        made.append(NoticesSocket(context, address, clock=clock, form=Form(encoding, repeat_s)))
        return made[-1]

    yield make
    for notices in made:
        notices.close()


@pytest.fixture
async def subscribe(connect):
    """Subscribe; return the peer once its subscription has reached the publisher."""

    async def make(notices, *topics):
        peer = connect(zmq.SUB)
        for topic in (*topics, "cuelight.progress"):
            peer.socket.setsockopt_string(zmq.SUBSCRIBE, topic)
        while True:
            notices.publish_progress({"probe": True})
            if await peer.socket.poll(20):
                break
        while await peer.socket.poll(0):
            await peer.receive()
        peer.socket.setsockopt_string(zmq.UNSUBSCRIBE, "cuelight.progress")
        return peer

    return make


async def test_a_status_is_published_as_bluesky_clients_read_it(make_notices, subscribe, clock):
    notices = make_notices()
    peer = await subscribe(notices, "QS_Info")
    notices.publish_status(STATUS)
    topic, payload = await peer.receive()
    assert topic == b"QS_Info"
    assert decode(payload) == ({"time": clock.wall(), "msg": {"status": STATUS}}, "json")


async def test_output_is_published_as_bluesky_clients_read_it(make_notices, subscribe):
    notices = make_notices()
    peer = await subscribe(notices, "QS_Console")
    notices.publish_console(5.5, "hello\n")
    topic, payload = await peer.receive()
    assert topic == b"QS_Console"
    assert decode(payload)[0] == {"time": 5.5, "msg": "hello\n"}


async def test_an_event_is_published_under_its_sequence_number(make_notices, subscribe):
    notices = make_notices()
    peer = await subscribe(notices, "cuelight.event")
    notices.publish_event(
        EventRecord(
            "item_started",
            5.0,
            epoch=2,
            lane="default",
            item_uid="i",
            submission="s",
            attempt=3,
            origin=Origin(user="ada"),
            data={"name": "count"},
            seq=17,
        )
    )
    _, payload = await peer.receive()
    assert decode(payload)[0] == {
        "seq": 17,
        "time": 5.0,
        "kind": "item_started",
        "lane": "default",
        "item_uid": "i",
        "submission": "s",
        "attempt": 3,
        "user": "ada",
        "data": {"name": "count"},
    }


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_every_notice_has_two_frames_in_the_configured_encoding(make_notices, subscribe, encoding):
    notices = make_notices(encoding)
    peer = await subscribe(notices, "")
    notices.publish_status(STATUS)
    notices.publish_console(1.0, "x")
    notices.publish_event(EventRecord("kind", 1.0, epoch=1))
    notices.publish_progress({"points": 1})
    messages = [await peer.receive() for _ in range(4)]
    assert [len(frames) for frames in messages] == [2, 2, 2, 2]
    assert {decode(frames[1])[1] for frames in messages} == {encoding}


async def test_a_subscriber_gets_only_the_topics_that_it_asked_for(make_notices, subscribe):
    notices = make_notices()
    peer = await subscribe(notices, "QS_Info")
    notices.publish_console(1.0, "x")
    notices.publish_event(EventRecord("kind", 1.0, epoch=1))
    notices.publish_status(STATUS)
    assert (await peer.receive())[0] == b"QS_Info"


async def test_the_last_status_is_repeated_with_a_new_time(make_notices, subscribe, clock):
    notices = make_notices(repeat_s=0.02)
    peer = await subscribe(notices, "QS_Info")
    notices.publish_status({"status_uid": "old"})
    notices.publish_status(STATUS)
    clock.advance(7)
    received = [decode((await peer.receive())[1])[0] for _ in range(4)]
    assert [message["msg"]["status"]["status_uid"] for message in received] == ["old", "u", "u", "u"]
    assert received[-1]["time"] == received[0]["time"] + 7


async def test_a_subscriber_that_does_not_read_holds_nobody_up(make_notices, subscribe):
    notices = make_notices()
    idle = await subscribe(notices, "QS_Console")
    for number in range(5_000):
        notices.publish_console(1.0, f"{number}\n")
    healthy = await subscribe(notices, "QS_Info")
    notices.publish_status(STATUS)
    assert (await healthy.receive())[0] == b"QS_Info"
    assert decode((await idle.receive())[1])[0]["msg"] == "0\n"


async def test_after_the_end_nothing_is_published_and_nothing_fails(make_notices, subscribe):
    notices = make_notices(repeat_s=0.001)
    peer = await subscribe(notices, "QS")
    notices.publish_status(STATUS)
    notices.close()
    notices.publish_console(1.0, "late")
    topics = []
    while await peer.socket.poll(20):
        topics.append((await peer.receive())[0])
    assert set(topics) == {b"QS_Info"}
