"""The reader: everything that waits is handed over, in order, whatever happens in between."""

from __future__ import annotations

import asyncio

import pytest
import zmq

from queue_server.client.edge import Reader

PATIENCE_S = 60


@pytest.fixture
def context():
    context = zmq.Context()
    yield context
    context.destroy(0)


@pytest.fixture
def pair(context):
    """Make two connected sockets: one to send by, one to read."""

    def make(name):
        sender, receiver = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        sender.bind(f"inproc://{name}")
        receiver.connect(f"inproc://{name}")
        return sender, receiver

    return make


class Heard:
    """What was handed over, and the wait for as many messages as are expected."""

    def __init__(self):
        self.words = []
        self._came = asyncio.Event()

    def take(self, frames):
        """Note a message."""
        self.note(b" ".join(frames).decode())

    def note(self, word):
        """Note a word."""
        self.words.append(word)
        self._came.set()

    async def reach(self, count):
        """Wait for ``count`` messages; return all."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.words) < count:
                self._came.clear()
                await self._came.wait()
        return self.words


@pytest.fixture
async def heard():
    return Heard()


async def test_what_waited_before_and_what_comes_later_is_handed_over_in_order(pair, heard):
    sender, receiver = pair("a")
    for number in range(3):
        sender.send(b"%d" % number)
    reader = Reader((receiver, heard.take))
    assert await heard.reach(3) == ["0", "1", "2"]
    sender.send_multipart([b"two", b"frames"])
    assert (await heard.reach(4))[-1] == "two frames"
    reader.close()


async def test_a_burst_gives_way_to_other_work_and_arrives_whole(pair, heard):
    sender, receiver = pair("a")
    for number in range(10):
        sender.send(b"%d" % number)
    between = []
    reader = Reader((receiver, heard.take), most_at_once=4)
    asyncio.get_running_loop().call_soon(lambda: between.append(len(heard.words)))
    assert await heard.reach(10) == [str(number) for number in range(10)]
    assert between == [4]
    reader.close()


async def test_sockets_are_read_in_the_order_given_and_then_comes_what_follows(pair, heard):
    (first, of_first), (second, of_second) = pair("a"), pair("b")
    second.send(b"second")
    first.send(b"first")
    sources = (of_first, heard.take), (of_second, heard.take)
    reader = Reader(*sources, then=lambda: heard.note("then"))
    assert (await heard.reach(3))[:3] == ["first", "second", "then"]
    reader.close()


async def test_what_follows_waits_until_nothing_is_left(pair, heard):
    sender, receiver = pair("a")
    for number in range(5):
        sender.send(b"%d" % number)
    reader = Reader((receiver, heard.take), then=lambda: heard.note("then"), most_at_once=2)
    assert (await heard.reach(6))[:6] == ["0", "1", "2", "3", "4", "then"]
    reader.close()


async def test_a_message_that_cannot_be_taken_does_not_hold_up_those_behind_it(pair, heard):
    loop, told = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    sender, receiver = pair("a")

    def take(frames):
        if frames == [b"bad"]:
            raise ValueError("bad")
        heard.take(frames)

    for word in (b"bad", b"good"):
        sender.send(word)
    reader = Reader((receiver, take))
    assert await heard.reach(1) == ["good"]
    assert [type(error) for error in told] == [ValueError]
    reader.close()


async def test_what_a_send_has_hidden_is_found_by_looking_again(context, heard):
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    dealer.connect(f"tcp://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}")
    reader = Reader((router, lambda frames: heard.take(frames[1:])))
    dealer.send(b"first")
    await heard.reach(1)
    dealer.send(b"second")
    # Asking for the state of the socket uses up what its file descriptor tells, as sending does.
    assert router.poll(PATIENCE_S * 1000)
    reader.look_soon()
    assert await heard.reach(2) == ["first", "second"]
    reader.close()


async def test_whoever_closes_the_reader_while_it_reads_hears_nothing_more(pair, heard):
    sender, receiver = pair("a")

    def take(frames):
        heard.take(frames)
        reader.close()
        receiver.close()

    for _ in range(3):
        sender.send(b"word")
    reader = Reader((receiver, take), then=lambda: heard.note("then"))
    await heard.reach(1)
    reader.look_soon()
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()
    reader.close()
    assert heard.words == ["word"]
