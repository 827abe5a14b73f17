"""The control socket: REQ and DEALER peers, malformed and oversize messages, floods, peers that vanish."""

from __future__ import annotations

import asyncio

import pytest
import zmq

from queue_server.protocol.codec import CLIENT_BOUNDS, decode, encode, recognise
from queue_server.protocol.envelope import refuse
from queue_server.protocol.errors import EnvelopeError
from queue_server.protocol.limits import DEFAULT_LIMITS, KIB, MIB, Limits, too_much_at_once
from queue_server.protocol.peer import ANYBODY
from queue_server.transport.control import MOST_URGENT_BYTES, ControlSocket

MOST_IN_FLIGHT = DEFAULT_LIMITS.max_requests
MOST_PER_PEER = DEFAULT_LIMITS.max_requests_per_client

REQUEST = b'{"method": "status"}'
MSGPACK_REQUEST = encode({"method": "status"}, "msgpack")


def recognise_or_json(frame):
    """Return the encoding of a request, as well as it can be told."""
    try:
        return recognise(frame)
    except EnvelopeError:
        return "json"


class Answerer:
    """Answers at once with what it was asked, unless it holds its answers back."""

    def __init__(self):
        self.holds = False
        self.held = []
        self.urgent = []
        self.taken = 0
        self._came = asyncio.Event()

    def take(self, frame, respond, peer=ANYBODY, *, has_room=True):
        """Take a request."""
        if not has_room:
            self.urgent.append((frame, peer))
            respond(encode(refuse(too_much_at_once()), recognise_or_json(frame)))
            return
        self.taken += 1
        self._came.set()
        if self.holds:
            self.held.append((frame, respond))
        else:
            respond(b"re:" + frame)

    def release(self):
        """Answer everything that was held back."""
        held, self.held = self.held, []
        for frame, respond in held:
            respond(b"re:" + frame)

    async def wait(self, count):
        """Wait until so many requests were taken."""
        async with asyncio.timeout(60):
            while self.taken < count:
                self._came.clear()
                await self._came.wait()


@pytest.fixture
async def answerer():
    return Answerer()


@pytest.fixture
async def control(context, address, answerer):
    control = ControlSocket(context, address, answerer)
    yield control
    control.close()


def refusal(frames):
    """Return the code and the message of a refusal, and its encoding."""
    reply, encoding = decode(frames[-1])
    assert reply["success"] is False
    return reply["error"]["code"], reply["msg"], encoding


@pytest.mark.usefixtures("control")
async def test_a_req_socket_gets_its_reply(connect):
    peer = connect(zmq.REQ)
    assert await peer.ask(REQUEST) == [b"re:" + REQUEST]
    assert await peer.ask(b"again") == [b"re:again"]


@pytest.mark.usefixtures("control")
async def test_a_dealer_is_answered_with_and_without_a_delimiter(connect):
    peer = connect()
    assert await peer.ask(REQUEST) == [b"re:" + REQUEST]
    assert await peer.ask(b"", REQUEST) == [b"", b"re:" + REQUEST]


@pytest.mark.usefixtures("control")
async def test_a_label_before_the_delimiter_comes_back_with_the_reply(connect):
    assert await connect().ask(b"label", b"", REQUEST) == [b"label", b"", b"re:" + REQUEST]


async def test_a_peer_may_be_granted_more_requests_in_flight(connect, context, address, answerer):
    control = ControlSocket(context, address, answerer, limits=Limits(max_requests_per_client=MOST_PER_PEER + 1))
    answerer.holds = True
    peer = connect()
    for number in range(MOST_PER_PEER + 1):
        await peer.send(b"%d" % number)
    await answerer.wait(MOST_PER_PEER + 1)
    control.close()


async def test_a_dealer_may_have_many_requests_in_flight_and_gets_every_reply(connect, control, answerer):
    answerer.holds = True
    peer = connect()
    for number in range(MOST_PER_PEER):
        await peer.send(b"%d" % number)
    await answerer.wait(MOST_PER_PEER)
    answerer.release()
    replies = [(await peer.receive())[0] for _ in range(MOST_PER_PEER)]
    assert replies == [b"re:%d" % number for number in range(MOST_PER_PEER)]


@pytest.mark.parametrize(
    "frames",
    [[b"a", b"b"], [b"", b"a", b"b"], [b"a" * 65, b"", b"b"], [b"a", b"b", b"", b"c"], [b"x"] * 6, [b"", b"", b""]],
)
async def test_a_message_of_several_frames_is_refused_counted_and_forgotten(connect, control, answerer, frames):
    peer = connect()
    code, message, _ = refusal(await peer.ask(*frames))
    assert code == "bad_request"
    assert "one frame" in message
    assert control.malformed == 1
    assert answerer.taken == 0
    assert await peer.ask(REQUEST) == [b"re:" + REQUEST]


@pytest.mark.usefixtures("control")
async def test_an_empty_request_reaches_whoever_refuses_it(connect, answerer):
    assert await connect().ask(b"") == [b"re:"]
    assert await connect(zmq.REQ).ask(b"") == [b"re:"]


async def test_an_oversize_frame_costs_its_sender_the_connection_and_nobody_else_anything(connect, control, answerer):
    other = connect()
    assert await other.ask(REQUEST) == [b"re:" + REQUEST]
    flooder = connect()
    assert await flooder.ask(REQUEST) == [b"re:" + REQUEST]
    await flooder.lose_connection(bytes(CLIENT_BOUNDS.size_bytes + 1))
    assert await other.ask(REQUEST) == [b"re:" + REQUEST]
    assert answerer.taken == 3


@pytest.mark.usefixtures("control")
async def test_a_frame_of_the_largest_size_is_accepted(connect):
    [reply] = await connect().ask(bytes(CLIENT_BOUNDS.size_bytes))
    assert len(reply) == CLIENT_BOUNDS.size_bytes + 3


# --- floods ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("control")
@pytest.mark.parametrize(("request_", "encoding"), [(REQUEST, "json"), (MSGPACK_REQUEST, "msgpack"), (b"?", "json")])
async def test_a_peer_with_too_many_requests_in_flight_is_told_that_it_is_busy(connect, answerer, request_, encoding):
    answerer.holds = True
    peer = connect()
    for _ in range(MOST_PER_PEER):
        await peer.send(request_)
    await answerer.wait(MOST_PER_PEER)
    frames = await peer.ask(request_)
    code, _, answered_in = refusal(frames)
    assert (code, answered_in) == ("busy", encoding)
    assert decode(frames[0])[0]["error"]["details"]["retry_after_s"] > 0
    assert answerer.taken == MOST_PER_PEER

    answerer.release()
    for _ in range(MOST_PER_PEER):
        assert await peer.receive() == [b"re:" + request_]
    answerer.holds = False
    assert await peer.ask(request_) == [b"re:" + request_]


@pytest.mark.usefixtures("control")
async def test_a_flooder_takes_nothing_from_other_peers(connect, answerer):
    answerer.holds = True
    flooder, other = connect(), connect()
    for _ in range(3 * MOST_PER_PEER):
        await flooder.send(REQUEST)
    for _ in range(2 * MOST_PER_PEER):
        assert refusal(await flooder.receive())[0] == "busy"
    answerer.holds = False
    assert await other.ask(REQUEST) == [b"re:" + REQUEST]


@pytest.mark.usefixtures("control")
async def test_all_peers_together_have_a_limit_too(connect, answerer):
    answerer.holds = True
    peers = [connect() for _ in range(MOST_IN_FLIGHT // MOST_PER_PEER + 1)]
    sent = 0
    while sent < MOST_IN_FLIGHT:
        await peers[sent % len(peers)].send(REQUEST)
        sent += 1
    await answerer.wait(MOST_IN_FLIGHT)
    assert refusal(await peers[-1].ask(REQUEST))[0] == "busy"
    assert refusal(await connect().ask(REQUEST))[0] == "busy"
    assert answerer.taken == MOST_IN_FLIGHT
    answerer.release()
    assert await peers[0].receive() == [b"re:" + REQUEST]
    answerer.holds = False
    assert await connect().ask(REQUEST) == [b"re:" + REQUEST]


@pytest.mark.usefixtures("control")
async def test_without_room_a_short_request_is_looked_at_and_a_longer_one_is_not(connect, answerer):
    answerer.holds = True
    peer = connect()
    for _ in range(MOST_PER_PEER):
        await peer.send(REQUEST)
    await answerer.wait(MOST_PER_PEER)
    long_one = b"{" + bytes(MOST_URGENT_BYTES)
    assert refusal(await peer.ask(long_one))[0] == "busy"
    assert answerer.urgent == []
    assert refusal(await peer.ask(REQUEST))[0] == "busy"
    assert answerer.urgent == [(REQUEST, ANYBODY)]


async def test_the_bytes_of_what_waits_are_limited_for_a_peer_and_in_all(connect, context, address, answerer):
    limits = Limits(max_request_bytes=3 * MIB, max_request_bytes_per_client=2 * MIB)
    control = ControlSocket(context, address, answerer, limits=limits)
    answerer.holds = True
    large = b"{" + bytes(MIB + 100 * KIB)
    first, second, third = connect(), connect(), connect()
    await first.send(large)
    await answerer.wait(1)
    assert refusal(await first.ask(large))[0] == "busy"
    await second.send(large)
    await answerer.wait(2)
    assert refusal(await third.ask(large))[0] == "busy"
    answerer.release()
    assert await first.receive() == [b"re:" + large]
    await third.send(large)
    await answerer.wait(3)
    answerer.release()
    control.close()


async def test_a_request_larger_than_the_bytes_for_all_is_taken_where_nothing_else_waits(
    connect, context, address, answerer
):
    control = ControlSocket(context, address, answerer, limits=Limits(max_request_bytes=MIB))
    assert await connect().ask(b"{" + bytes(2 * MIB)) == [b"re:{" + bytes(2 * MIB)]
    control.close()


async def test_a_larger_frame_than_the_setting_says_costs_the_connection(connect, context, address, answerer):
    control = ControlSocket(context, address, answerer, limits=Limits(max_message_bytes=64 * KIB))
    peer = connect()
    assert await peer.ask(bytes(64 * KIB)) == [b"re:" + bytes(64 * KIB)]
    await peer.lose_connection(bytes(64 * KIB + 1))
    control.close()


# --- peers that vanish ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("control")
async def test_replies_to_peers_that_vanished_are_dropped_and_free_their_places(connect, answerer):
    answerer.holds = True
    for _ in range(MOST_IN_FLIGHT // MOST_PER_PEER + 1):
        peer = connect()
        before = answerer.taken
        count = min(MOST_PER_PEER, MOST_IN_FLIGHT - before)
        for _ in range(count):
            await peer.send(REQUEST)
        await answerer.wait(before + count)
        peer.close()
    assert refusal(await connect().ask(REQUEST))[0] == "busy"
    answerer.release()
    answerer.holds = False
    assert await connect().ask(REQUEST) == [b"re:" + REQUEST]


@pytest.mark.usefixtures("control")
async def test_a_client_that_gave_up_and_asks_anew_gets_only_its_new_reply(connect, answerer):
    answerer.holds = True
    impatient = connect(zmq.REQ)
    await impatient.send(b"old")
    await answerer.wait(1)
    impatient.close()
    again = connect(zmq.REQ)
    await again.send(b"new")
    await answerer.wait(2)
    answerer.release()
    assert await again.receive() == [b"re:new"]


async def test_a_reply_after_the_end_harms_nothing(connect, control, answerer):
    answerer.holds = True
    await connect().send(REQUEST)
    await answerer.wait(1)
    control.close()
    answerer.release()
