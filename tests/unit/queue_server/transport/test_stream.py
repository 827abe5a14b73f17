"""A socket on the event loop: nothing that waits is forgotten, nothing ever blocks."""

from __future__ import annotations

import asyncio

import pytest
import zmq

from queue_server.transport.stream import Stream, bind, make_socket

MANY = 600


class Taken(list):
    """Messages that were handed over; a test can wait for their number."""

    def __init__(self):
        self._came = asyncio.Event()

    def __call__(self, frames):
        self.append(frames)
        self._came.set()

    async def wait(self, count):
        """Wait until so many messages have come."""
        async with asyncio.timeout(60):
            while len(self) < count:
                self._came.clear()
                await self._came.wait()


async def one_round():
    """Let the loop do everything that is due now."""
    done = asyncio.Event()
    asyncio.get_running_loop().call_soon(done.set)
    await done.wait()


@pytest.fixture
async def taken():
    return Taken()


@pytest.fixture
async def make_stream(context, address):
    """Make streams on bound sockets; all are closed with the test."""
    made = []

    def make(take, kind=zmq.ROUTER):
        socket = make_socket(context, kind, most_bytes=1024)
        bind(socket, address)
        made.append(Stream(socket, take))
        return made[-1]

    yield make
    for stream in made:
        stream.close(0)


async def test_every_message_of_a_burst_is_handed_over_in_its_order(make_stream, connect, taken):
    make_stream(taken)
    peer = connect()
    for number in range(MANY):
        await peer.send(b"%d" % number)
    await taken.wait(MANY)
    assert [int(frames[1]) for frames in taken] == list(range(MANY))


async def test_what_waits_behind_a_burst_of_sends_is_seen(make_stream, connect, taken):
    """The descriptor of a socket tells of a message once; a send may swallow that sign."""
    stream = make_stream(taken)
    peer = connect()
    await peer.send(b"hello")
    await taken.wait(1)
    for number in range(200):
        stream.send([taken[0][0], b"reply"])
        await peer.send(b"%d" % number)
    await taken.wait(201)


async def test_other_work_of_the_loop_gets_its_turn_during_a_burst(make_stream, connect):
    rounds = []

    def take(frames):
        taken(frames)
        if len(taken) % 256 == 1:
            asyncio.get_running_loop().call_soon(lambda: rounds.append(len(taken)))

    taken = Taken()
    make_stream(take)
    peer = connect()
    for _ in range(MANY):
        await peer.send(b"x")
    await taken.wait(MANY)
    await one_round()
    assert rounds[0] < MANY


async def test_a_message_that_breaks_whoever_takes_it_does_not_stop_the_next(make_stream, connect, taken):
    problems = []
    asyncio.get_running_loop().set_exception_handler(lambda _, problem: problems.append(problem["exception"]))

    def take(frames):
        taken(frames)
        if frames[1] == b"bad":
            raise ZeroDivisionError

    make_stream(take)
    peer = connect()
    for body in (b"bad", b"good", b"bad", b"good"):
        await peer.send(body)
    await taken.wait(4)
    assert [type(problem) for problem in problems] == [ZeroDivisionError, ZeroDivisionError]


async def test_a_message_that_cannot_leave_is_dropped_and_counted(make_stream, taken):
    stream = make_stream(taken, zmq.DEALER)
    assert stream.send([b"nobody is there"]) is False
    assert stream.dropped == 1


async def test_a_message_to_a_peer_that_vanished_harms_nothing(make_stream, connect, taken):
    stream = make_stream(taken)
    peer = connect()
    await peer.send(b"hello")
    await taken.wait(1)
    peer.close()
    stream.send([taken[0][0], b"reply"])
    await connect().send(b"next")
    await taken.wait(2)


async def test_after_the_end_nothing_is_handed_over_and_sends_are_dropped(make_stream, connect, taken):
    stream = make_stream(taken)
    peer = connect()
    await peer.send(b"hello")
    await taken.wait(1)
    stream.close(0)
    assert stream.send([taken[0][0], b"reply"]) is False
    await one_round()
    assert len(taken) == 1


async def test_every_socket_is_bounded_in_size_and_number(context):
    socket = make_socket(context, zmq.ROUTER, most_bytes=1024)
    bounds = {name: socket.getsockopt(getattr(zmq, name)) for name in ("MAXMSGSIZE", "SNDHWM", "RCVHWM", "LINGER")}
    handshake_ms = socket.getsockopt(zmq.HANDSHAKE_IVL)
    socket.close()
    assert bounds == {"MAXMSGSIZE": 1024, "SNDHWM": 1000, "RCVHWM": 1000, "LINGER": 0}
    assert handshake_ms == 2000


# --- binding --------------------------------------------------------------------------------------------------------


def test_a_free_port_is_told(context):
    socket = make_socket(context, zmq.ROUTER, most_bytes=1024)
    address = bind(socket, "tcp://127.0.0.1:0")
    socket.close()
    scheme, _, port = address.rpartition(":")
    assert scheme == "tcp://127.0.0.1"
    assert int(port) > 0


def test_the_loopback_address_of_ipv6_can_be_bound(context):
    socket = make_socket(context, zmq.ROUTER, most_bytes=1024)
    address = bind(socket, "tcp://[::1]:0")
    socket.close()
    assert address.startswith("tcp://[::1]:")


def test_an_address_that_is_taken_is_named_and_nothing_stays_open(address):
    """The context ends at the end of the test only if the refused socket is closed."""
    context = zmq.Context()
    first = make_socket(context, zmq.ROUTER, most_bytes=1024)
    taken = bind(first, "tcp://127.0.0.1:0")
    second = make_socket(context, zmq.ROUTER, most_bytes=1024)
    with pytest.raises(OSError, match=f"cannot bind {taken}"):
        bind(second, taken)
    assert second.closed
    first.close()
    context.term()


async def test_a_burst_of_messages_that_take_long_lets_others_have_their_turn(make_stream, connect, taken):
    """What is due meanwhile is done between two messages, not after the whole burst."""
    seen = []
    loop = asyncio.get_running_loop()

    def take(frames):
        begin = loop.time()
        while loop.time() < begin + 0.003:
            pass
        seen.append(len(taken))
        loop.call_soon(taken, frames)

    make_stream(take)
    peer = connect()
    for number in range(20):
        await peer.send(b"%d" % number)
    await taken.wait(20)
    assert [int(frames[1]) for frames in taken] == list(range(20))
    assert seen[-1] > 10, "nothing else was done during the burst"
