"""What is published: each document under the next number, while somebody listens, without ever waiting or raising."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
import zmq

from device_worker.documents.publish import GATHER_S, Outlet, Publisher
from queue_server.clock import ManualClock
from queue_server.protocol.device_values import values_topic
from queue_server.protocol.documents import MARK, MOST_PUBLISHED_BYTES, read_content, read_header

PATIENCE_MS = 30_000
NEVER_S = 3600.0


@pytest.fixture
def context():
    context = zmq.Context()
    yield context
    context.destroy(0)


@pytest.fixture
def address(tmp_path):
    return f"ipc://{tmp_path}/documents"


@pytest.fixture
def publisher(address):
    """A publisher whose marks are as quick as a test needs them."""
    publisher = Publisher(Outlet(address, "default", "me"), ManualClock(), mark_each_s=0.01)
    publisher.start()
    yield publisher
    publisher.close()


@pytest.fixture
def listen(context, address):
    """Be the forwarder of the manager, with these subscriptions; return the socket once the publisher knows them."""

    def listen(*topics):
        socket = context.socket(zmq.SUB)
        for topic in topics:
            socket.setsockopt(zmq.SUBSCRIBE, topic)
        socket.bind(address)
        receive(socket)
        return socket

    return listen


def receive(socket, *, marks=True):
    """Return header and frames of the next message; without marks, of the next document."""
    while True:
        assert socket.poll(PATIENCE_MS)
        frames = socket.recv_multipart()
        header = read_header(frames)
        if marks or header.name != MARK:
            return header, frames


def test_documents_are_numbered_and_carry_lane_worker_and_time(publisher, listen):
    socket = listen(b"")
    publisher.publish("start", {"uid": "a"})
    publisher.publish("event", {"data": {"x": math.nan}})
    header, frames = receive(socket, marks=False)
    assert (header.lane, header.incarnation, header.number, header.name) == ("default", "me", 1, "start")
    assert (header.time, header.omitted) == (ManualClock().wall(), "")
    assert read_content(frames) == {"uid": "a"}
    header, frames = receive(socket, marks=False)
    assert header.number == 2
    assert math.isnan(read_content(frames)["data"]["x"])


class Packed:
    """A value that knows whether it was put into a message."""

    was_packed = False

    def tolist(self):
        self.was_packed = True
        return []


def test_whoever_wants_values_of_devices_wants_no_documents(publisher, listen):
    socket = listen(values_topic("default", "m"), b"default/")

    def is_packed():
        value = Packed()
        publisher.publish("event", {"data": {"x": value}})
        return value.was_packed

    assert is_packed()
    socket.unsubscribe(b"default/")
    # It takes a moment until the publisher knows.
    deadline_s = time.monotonic() + PATIENCE_MS / 1000
    while is_packed():
        assert time.monotonic() < deadline_s


def test_documents_count_also_while_nobody_listens(publisher, listen):
    for _ in range(5):
        publisher.publish("event", {})
    assert publisher.number == 5
    socket = listen(b"")
    publisher.publish("event", {})
    assert receive(socket, marks=False)[0].number == 6


def test_marks_repeat_the_last_number(publisher, listen):
    for _ in range(3):
        publisher.publish("event", {})
    socket = listen(b"default/")
    assert [receive(socket)[0].number for _ in range(2)] == [3, 3]


def test_whoever_begins_to_listen_is_told_the_last_number_at_once(address, context):
    publisher = Publisher(Outlet(address, "default", "me"), ManualClock(), mark_each_s=NEVER_S)
    publisher.start()
    publisher.publish("event", {})
    socket = context.socket(zmq.SUB)
    socket.subscribe(b"")
    socket.bind(address)
    header, _ = receive(socket)
    assert (header.name, header.number) == (MARK, 1)
    publisher.close()


def test_while_documents_follow_each_other_whoever_emits_them_sends_them(address, context):
    """There is no other thread here, and fewer of them than are sent for their number alone."""
    clock = ManualClock()
    publisher = Publisher(Outlet(address, "default", "me"), clock)
    socket = context.socket(zmq.SUB)
    socket.subscribe(b"")
    socket.bind(address)
    # It takes a moment until the publisher knows.
    while not socket.poll(10):
        publisher.publish("event", {})
        clock.advance(GATHER_S)
    first = receive(socket)[0].number
    assert receive(socket)[0].number == first + 1
    publisher.close()


def test_whoever_subscribes_to_another_lane_hears_nothing(publisher, listen):
    socket = listen(b"default/mark", b"b/")
    publisher.publish("event", {})
    while (header := receive(socket)[0]).number == 0:
        assert header.name == MARK
    assert header == receive(socket)[0]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (np.array([[1, 2], [3, 4]], dtype=np.uint16), [[1, 2], [3, 4]]),
        (np.float32(0.5), 0.5),
        ((1, {"a": {2}}), [1, {"a": [2]}]),
        (1 + 2j, "(1+2j)"),
        ([b"bytes", "text"], [b"bytes", "text"]),
    ],
)
def test_values_of_other_kinds_become_plain(publisher, listen, value, read):
    socket = listen(b"")
    publisher.publish("event", {"data": {"x": value}})
    assert read_content(receive(socket, marks=False)[1]) == {"data": {"x": read}}


CYCLE: dict = {}
CYCLE["self"] = CYCLE


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"data": {"x": "y" * MOST_PUBLISHED_BYTES}}, "at most 524288 are published"),
        ({"data": {"x": np.zeros((1000, 1000))}}, "it takes 1000000 bytes or more"),
        ({"data": {"x": 2**80}}, "cannot be put into a message"),
        (CYCLE, "contains itself"),
    ],
)
def test_what_cannot_be_published_leaves_its_number_and_the_reason(publisher, listen, document, reason):
    socket = listen(b"")
    publisher.publish("event", document)
    publisher.publish("stop", {"uid": "s"})
    header, frames = receive(socket, marks=False)
    assert (header.number, frames[2]) == (1, b"")
    assert reason in header.omitted
    header, frames = receive(socket, marks=False)
    assert (header.number, read_content(frames)) == (2, {"uid": "s"})


def test_nothing_is_kept_for_a_manager_that_is_away(publisher, listen, context, address):
    listen(b"").close(0)
    # Whoever comes next is told the last number at once, and no documents of the time before.
    while True:
        publisher.publish("event", {"data": {"x": "y" * 1000}})
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        try:
            socket.bind(address)
        except zmq.ZMQError:
            socket.close(0)
            continue
        break
    header, _ = receive(socket)
    assert (header.name, header.number) == (MARK, publisher.number)


def test_many_documents_at_once_all_leave_in_order(publisher, listen):
    socket = listen(b"")
    for number in range(350):
        publisher.publish("event", {"seq_num": number})
    headers = [receive(socket, marks=False)[0].number for _ in range(350)]
    assert headers == list(range(1, 351))


def test_what_was_published_just_before_the_end_still_leaves(publisher, listen):
    socket = listen(b"")
    publisher.publish("event", {})
    publisher.publish("stop", {})
    publisher.close()
    assert [receive(socket, marks=False)[0].name for _ in range(2)] == ["event", "stop"]


def test_after_its_end_documents_only_count(address):
    publisher = Publisher(Outlet(address, "default", "me"), ManualClock())
    publisher.close()
    publisher.publish("event", {})
    assert publisher.number == 1
