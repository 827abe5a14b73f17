"""The worker link: hellos, numbered reports, peers that come back, and messages that are none."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import pytest

from queue_server.protocol.codec import WORKER_BOUNDS, encode
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import (
    VERSION,
    Acknowledge,
    CatalogPage,
    Close,
    Console,
    Dismiss,
    EnvironmentOpened,
    EnvironmentUpdated,
    Heartbeat,
    Hello,
    Progress,
    REStateChanged,
    Welcome,
    pack,
    read_to_worker,
)
from queue_server.workers.link import MOST_PAGE_BYTES, WorkerLinkSocket

KEY = AttemptKey("i", "s", "default", 1, 1)


class Listener:
    """Notes what it hears; a test can wait for the number of things."""

    def __init__(self):
        self.heard = []
        self.room_bytes = 1024 * 1024
        self._came = asyncio.Event()

    def _note(self, *what):
        self.heard.append(what)
        self._came.set()

    def hear_hello(self, hello):
        """Note a hello."""
        self._note("hello", hello)

    def has_room(self, incarnation, size_bytes):
        """Whether a test lets reports in."""
        return self.room_bytes >= size_bytes

    def hear_report(self, lane, incarnation, report, size_bytes):
        """Note a report."""
        self._note("report", lane, incarnation, report.number)

    def hear_unreadable(self, lane, incarnation, report, size_bytes):
        """Note a report that cannot be read."""
        self._note("unreadable", lane, incarnation, report)

    def hear_heartbeat(self, lane, incarnation, heartbeat):
        """Note a heartbeat."""
        self._note("heartbeat", lane, incarnation, heartbeat.main_thread_age_s)

    def hear_console(self, console):
        """Note output."""
        self._note("console", console.text)

    def hear_progress(self, lane, incarnation, progress):
        """Note a progress."""
        self._note("progress", progress.points)

    async def wait(self, count):
        """Return what was heard, once it is so much."""
        async with asyncio.timeout(60):
            while len(self.heard) < count:
                self._came.clear()
                await self._came.wait()
        return self.heard

    @property
    def numbers(self):
        """The numbers of the reports."""
        return [what[-1] for what in self.heard if what[0] == "report"]


@pytest.fixture
async def listener():
    return Listener()


@pytest.fixture
async def link(context, address, listener):
    link = WorkerLinkSocket(context, address, listener)
    yield link
    link.close()


def hello(incarnation="w", next_report=1, **more):
    """Return the frame of a hello."""
    fields = {"lane": "default", "incarnation": incarnation, "pid": 1, "environment": "open", **more}
    return pack(Hello(next_report=next_report, **fields))


def report(number):
    """Return the frame of a report."""
    return pack(REStateChanged(number=number, re_state="idle"))


async def receive(peer):
    """Return the next message of the manager."""
    [frame] = await peer.receive()
    return read_to_worker(frame)


@pytest.fixture
async def worker(link, connect, listener):
    """A worker that has said hello."""
    peer = connect(ROUTING_ID=b"default.w")
    await peer.send(hello())
    await listener.wait(1)
    return peer


# --- what is heard --------------------------------------------------------------------------------------------------


async def test_a_hello_is_heard_as_it_was_said(link, connect, listener):
    await connect().send(hello(re_state="running", attempt=KEY))
    [(_, heard)] = await listener.wait(1)
    assert (heard.incarnation, heard.re_state, heard.attempt) == ("w", "running", KEY)


async def test_everything_that_a_worker_says_is_heard_in_its_order(worker, listener):
    await worker.send(pack(Heartbeat(main_thread_age_s=0.5)))
    await worker.send(report(1))
    await worker.send(pack(Console(time=1.0, text="hello")))
    await worker.send(pack(Progress(attempt=KEY, points=3)))
    await worker.send(report(2))
    assert (await listener.wait(6))[1:] == [
        ("heartbeat", "default", "w", 0.5),
        ("report", "default", "w", 1),
        ("console", "hello"),
        ("progress", 3),
        ("report", "default", "w", 2),
    ]


async def test_nothing_is_heard_before_a_hello(link, connect, listener):
    peer = connect()
    for frame in (report(1), pack(Heartbeat(main_thread_age_s=0)), pack(Console(time=1.0, text="x")), hello()):
        await peer.send(frame)
    assert [what[0] for what in await listener.wait(1)] == ["hello"]


# --- numbers --------------------------------------------------------------------------------------------------------


async def test_reports_that_come_twice_are_heard_once(worker, listener):
    for number in (1, 1, 2, 1, 2, 3):
        await worker.send(report(number))
    await listener.wait(4)
    assert listener.numbers == [1, 2, 3]


async def test_reports_behind_a_gap_are_dropped_until_the_worker_begins_again(worker, listener):
    for number in (1, 3, 4):
        await worker.send(report(number))
    await worker.send(hello(next_report=2))
    for number in (2, 3, 4):
        await worker.send(report(number))
    await listener.wait(6)
    assert listener.numbers == [1, 2, 3, 4]


async def test_a_worker_goes_on_with_the_number_that_it_names(link, connect, listener):
    peer = connect()
    await peer.send(hello(next_report=17))
    for number in (16, 17, 18):
        await peer.send(report(number))
    await listener.wait(3)
    assert listener.numbers == [17, 18]


async def test_two_workers_are_counted_apart(link, connect, listener):
    first, second = connect(), connect()
    await first.send(hello("a"))
    await second.send(hello("b", lane="other"))
    await listener.wait(2)
    await first.send(report(1))
    await second.send(report(1))
    heard = (await listener.wait(4))[2:]
    assert sorted(heard) == [("report", "default", "a", 1), ("report", "other", "b", 1)]


# --- what is sent ---------------------------------------------------------------------------------------------------


async def test_messages_reach_the_worker_of_that_incarnation(link, worker, connect, listener):
    other = connect()
    await other.send(hello("x"))
    await listener.wait(2)
    link.send("w", Welcome(epoch=3))
    link.send("x", Close())
    link.acknowledge("w", 7)
    assert await receive(worker) == Welcome(epoch=3)
    assert await receive(worker) == Acknowledge(number=7)
    assert await receive(other) == Close()


async def test_a_message_to_nobody_is_dropped(link, worker):
    link.send("stranger", Close())
    link.forget("w")
    link.send("w", Close())
    await worker.send(hello())
    link.forget("stranger")
    await worker.send(hello())
    assert link.malformed == 0


async def test_what_a_forgotten_worker_says_is_dropped(link, worker, listener):
    link.forget("w")
    await worker.send(report(1))
    await worker.send(hello())
    assert [what[0] for what in await listener.wait(2)] == ["hello", "hello"]


# --- workers that come back -----------------------------------------------------------------------------------------


async def test_a_worker_that_reconnects_takes_its_identity_over(link, worker, connect, listener):
    again = connect(ROUTING_ID=b"default.w")
    await again.send(hello(next_report=5))
    await listener.wait(2)
    link.send("w", Welcome(epoch=1))
    assert await receive(again) == Welcome(epoch=1)
    await again.send(report(5))
    assert (await listener.wait(3))[-1] == ("report", "default", "w", 5)


async def test_a_worker_that_comes_back_under_another_identity_is_reached_there(link, worker, connect, listener):
    again = connect()
    await again.send(hello())
    await listener.wait(2)
    link.send("w", Welcome(epoch=1))
    assert await receive(again) == Welcome(epoch=1)
    await worker.send(report(1))
    await again.send(report(1))
    await again.send(report(2))
    await listener.wait(4)
    assert listener.numbers == [1, 2]


@pytest.mark.parametrize("other", [{"pid": 2}, {"lane": "other"}])
async def test_another_process_or_lane_under_the_same_incarnation_is_refused_and_the_first_one_stays(
    link, worker, connect, listener, other
):
    double = connect()
    await double.send(hello(**other))
    dismissal = await receive(double)
    assert isinstance(dismissal, Dismiss)
    assert "process 1 serves the lane 'default'" in dismissal.reason
    await double.send(report(1))
    await worker.send(report(1))
    await worker.send(report(2))
    await listener.wait(3)
    assert listener.numbers == [1, 2]
    link.send("w", Welcome(epoch=1))
    assert await receive(worker) == Welcome(epoch=1)


async def test_the_place_of_a_worker_that_is_gone_is_free_for_another_process(link, worker, connect, listener):
    link.forget("w")
    other = connect()
    await other.send(hello(pid=2))
    await listener.wait(2)
    link.send("w", Welcome(epoch=1))
    assert await receive(other) == Welcome(epoch=1)


async def test_nothing_is_kept_of_workers_that_are_dismissed(link, worker, connect, listener):
    for number in range(20):
        stranger = connect()
        await stranger.send(hello(f"stranger {number}"))
        await listener.wait(2 + number)
        link.send(f"stranger {number}", Dismiss(reason="no lane"))
        assert isinstance(await receive(stranger), Dismiss)
    assert link.peers == 1


async def test_a_worker_of_another_version_is_dismissed_and_not_heard(link, connect, listener):
    peer = connect()
    await peer.send(hello(version=VERSION + 1))
    dismissal = await receive(peer)
    assert isinstance(dismissal, Dismiss)
    assert str(VERSION + 1) in dismissal.reason
    await peer.send(report(1))
    other = connect()
    await other.send(hello("x"))
    assert [what[0] for what in await listener.wait(1)] == ["hello"]
    assert listener.numbers == []


# --- what is no message ---------------------------------------------------------------------------------------------


MALFORMED = [
    [b""],
    [b"hello"],
    [b"\x80"],
    [b"{}"],
    [encode({"kind": "welcome", "epoch": 1}, "msgpack")],
    [encode({"kind": "heartbeat", "main_thread_age_s": -1}, "msgpack")],
    [encode({"kind": "re_state_changed", "number": "one", "re_state": "idle"}, "msgpack")],
    [encode({"kind": "re_state_changed", "re_state": "idle"}, "msgpack")],
    [report(1), report(2)],
    [b"", report(1)],
    [b"\x81\xa4kind" * 50],
]


@pytest.mark.parametrize("frames", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_no_message_is_dropped_and_counted(link, worker, listener, frames):
    await worker.send(*frames)
    await worker.send(report(1))
    await listener.wait(2)
    assert listener.numbers == [1]
    assert link.malformed == 1


def unreadable(number, **fields):
    """Return the frame of a report that the manager does not understand."""
    return encode({"kind": "item_finished", "number": number, **fields}, "msgpack")


async def test_a_report_that_cannot_be_read_is_heard_as_such_and_the_next_one_is_expected(link, worker, listener):
    await worker.send(report(1))
    await worker.send(unreadable(2, attempt=asdict(KEY), outcome="excellent"))
    await worker.send(report(3))
    await listener.wait(4)
    [heard] = [what[-1] for what in listener.heard if what[0] == "unreadable"]
    assert (heard.number, heard.kind, heard.attempt) == (2, "item_finished", KEY)
    assert "outcome" in heard.reason
    assert listener.numbers == [1, 3]


async def test_a_report_that_cannot_be_read_is_heard_once_and_in_its_turn(link, worker, listener):
    for number in (3, 1, 1, 2):
        await worker.send(unreadable(number))
    await worker.send(report(3))
    heard = await listener.wait(4)
    assert [what[-1].number for what in heard if what[0] == "unreadable"] == [1, 2]
    assert listener.numbers == [3]


async def test_a_report_that_cannot_be_read_before_a_hello_is_dropped(link, connect, listener):
    peer = connect()
    await peer.send(unreadable(1))
    await peer.send(hello())
    assert [what[0] for what in await listener.wait(1)] == ["hello"]


async def test_an_oversize_message_costs_its_sender_the_connection_only(link, worker, connect, listener):
    flooder = connect()
    await flooder.send(hello("x"))
    await listener.wait(2)
    await flooder.lose_connection(bytes(WORKER_BOUNDS.size_bytes + 1))
    await worker.send(report(1))
    await listener.wait(3)
    assert listener.numbers == [1]


# --- a worker that is not in order ----------------------------------------------------------------------------------


async def test_a_report_for_which_there_is_no_room_is_not_counted_as_heard(worker, listener):
    listener.room_bytes = 0
    await worker.send(report(1))
    await worker.send(pack(Heartbeat(main_thread_age_s=0.5)))
    await listener.wait(2)
    listener.room_bytes = 1_000
    await worker.send(report(1))
    await listener.wait(3)
    assert listener.numbers == [1]


def page(number, size):
    """Return the frame of a page."""
    return pack(CatalogPage(number=number, catalog="plans", first=False, entries={"plan": {"text": "x" * size}}))


async def test_lists_that_become_too_large_are_dropped_and_so_is_their_end(worker, listener):
    size = 1_000_000
    most = MOST_PAGE_BYTES // size
    for number in range(1, most + 3):
        await worker.send(page(number, size))
    await worker.send(pack(EnvironmentOpened(number=most + 3)))
    # A hello does not make more room, and complete lists do.
    await worker.send(hello(next_report=most + 1))
    await worker.send(page(most + 1, size))
    await worker.send(pack(EnvironmentUpdated(number=most + 1)))
    await worker.send(page(most + 2, size))
    heard = await listener.wait(1 + most + 3)
    assert listener.numbers == list(range(1, most + 3))
    assert [what[0] for what in heard].count("hello") == 2


async def test_what_a_stranger_says_again_and_again_is_logged_once_in_a_while(link, connect, listener, caplog):
    stranger = connect()
    for _ in range(50):
        await stranger.send(report(1))
    await stranger.send(hello())
    await listener.wait(1)
    assert len([record for record in caplog.records if "before a hello" in record.getMessage()]) == 1
