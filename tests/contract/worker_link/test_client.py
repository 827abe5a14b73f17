"""The worker's end of the link against a ROUTER: hello first, reports until acknowledged, telegrams bounded."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from queue_server.client.outbox import UNNUMBERED, Outbox
from queue_server.client.worker import LinkSettings, Standing, WorkerLink
from queue_server.protocol.items import AttemptKey, Run
from queue_server.protocol.worker_link import (
    Acknowledge,
    Close,
    Console,
    Dismiss,
    Execute,
    Heartbeat,
    Hello,
    ItemFinished,
    OrderRefused,
    Progress,
    REStateChanged,
    Welcome,
)
from tests.doubles.router import Router

KEY = AttemptKey("item", "submission", "default", 1, 1)
PATIENCE_S = 60


class Worker:
    """A worker that keeps what its link tells it."""

    def __init__(self):
        self.told = SimpleQueue()
        self.now = Standing("open", "idle")
        self.ended = threading.Event()

    def standing(self):
        return self.now

    def main_thread_age_s(self):
        return 1.25

    def take(self, order, epoch):
        self.told.put((order, epoch))

    def dismiss(self, reason):
        self.told.put(reason)

    def notice_absence(self, absent_s):
        self.told.put(absent_s)

    def link_ended(self):
        self.ended.set()


@pytest.fixture
def directory():
    # Paths of ipc sockets are short.
    path = Path(tempfile.mkdtemp(prefix="cuelight"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def address(directory):
    return f"ipc://{directory}/link"


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def start_link(address, worker):
    links = []

    def start(*, to=address, **options):
        settings = LinkSettings(address=to, lane="default", incarnation="one", pid=42, **options)
        links.append(WorkerLink(settings, Outbox()))
        links[-1].start(worker)
        return links[-1]

    yield start
    for link in links:
        link.close()
    assert all(worker.ended.wait(PATIENCE_S) for _ in links)


@pytest.fixture
def router(address):
    with Router(address) as router:
        yield router


def state(re_state="running"):
    return REStateChanged(number=UNNUMBERED, re_state=re_state)


def finish():
    return ItemFinished(number=UNNUMBERED, attempt=KEY, outcome="completed", time_start=1.0, time_stop=2.0)


def numbers(router):
    return [message.number for message in router.messages if hasattr(message, "number")]


def test_the_hello_comes_first_and_tells_how_things_stand(start_link, router, worker):
    worker.now = Standing("open", "running", KEY, (Run("a", 3),))
    link = start_link()
    link.report(state())
    link.write_console("before the welcome")
    router.wait_for(Console)
    hello = router.messages[0]
    assert (hello.kind, hello.lane, hello.incarnation, hello.pid) == ("hello", "default", "one", 42)
    assert (hello.re_state, hello.attempt, hello.runs, hello.next_report) == ("running", KEY, (Run("a", 3),), 1)
    assert router.peer == b"default.one.42"


def test_a_worker_may_start_before_its_manager(start_link, address):
    link = start_link()
    link.report(state())
    with Router(address) as router:
        router.wait_for(REStateChanged)
        assert link.wait_acknowledged(PATIENCE_S)


def test_tcp_works_as_ipc_does(start_link, worker):
    with Router("tcp://127.0.0.1:*") as router:
        start_link(to=router.address).report(state())
        router.wait_for(REStateChanged)


def test_nothing_but_the_hello_is_sent_without_a_welcome(start_link, address):
    with Router(address, welcomes=False) as router:
        link = start_link(heartbeat_s=0.01)
        router.wait_for(Hello)
        link.report(state())
        link.write_console("hello?\n")
        link.show_progress(Progress(attempt=KEY, points=1))
        assert router.drain(0.2) == []
        router.send(Welcome(epoch=1))
        router.wait_for(REStateChanged)
        assert link.is_welcome


def test_every_report_is_told_again_to_each_manager_until_it_is_acknowledged(start_link, address):
    link = start_link()
    for _ in range(3):
        link.report(state())
    with Router(address, acknowledges=False) as first:
        for _ in range(3):
            first.wait_for(REStateChanged)
        first.send(Acknowledge(number=1))
        first.send(Close())
        # What follows the acknowledgement is taken after it.
        first.wait_for(Heartbeat)
    link.report(finish())
    with Router(address, epoch=2) as second:
        assert second.wait_for(Hello).next_report == 2
        second.wait_for(ItemFinished)
        assert numbers(second) == [2, 3, 4]
        acknowledged = threading.Thread(target=second.drain, args=(0.2,))
        acknowledged.start()
        assert link.wait_acknowledged(PATIENCE_S)
        acknowledged.join()


def test_orders_reach_the_worker_with_the_epoch_of_the_manager_and_only_when_welcome(start_link, address, worker):
    order = Execute(attempt=KEY, content={"name": "count"})
    with Router(address, epoch=7, welcomes=False) as router:
        start_link()
        router.wait_for(Hello)
        router.send(order)
        router.send(Welcome(epoch=7))
        router.send(Close())
        assert worker.told.get(timeout=PATIENCE_S) == (Close(), 7)
        assert worker.told.empty()


def test_an_earlier_manager_and_a_second_welcome_are_ignored(start_link, address, worker):
    link = start_link()
    with Router(address, epoch=7) as router:
        link.report(state())
        router.wait_for(REStateChanged)
        router.send(Welcome(epoch=9))
        router.send(Close())
        assert worker.told.get(timeout=PATIENCE_S) == (Close(), 7)
    with Router(address, epoch=6) as router:
        link.report(state())
        router.wait_for(Hello)
        assert router.drain(0.2) == []
        assert not link.is_welcome


def test_what_is_no_message_is_dropped_and_the_link_lives_on(start_link, router, worker):
    start_link()
    router.wait_for(Heartbeat)
    for frames in ([b""], [b"{}"], [b"\x00" * 100], [b"\x81\xa4kind\xa5hello"], [b"a", b"b", b"c"]):
        router.send_frames(*frames)
    router.send(Close())
    assert worker.told.get(timeout=PATIENCE_S) == (Close(), 1)


def test_what_was_ordered_before_the_last_hello_is_not_taken(start_link, address, worker):
    """The manager has compared it with that hello, and counts it as lost."""
    start_link()
    with Router(address, welcomes=False) as router:
        router.wait_for(Hello)
    with Router(address, welcomes=False) as router:
        hello = router.wait_for(Hello)
        router.send(Welcome(epoch=1, greeting=hello.greeting - 1))
        router.execute(KEY, "lost")
        router.send(Welcome(epoch=1, greeting=hello.greeting))
        router.send(Close())
        router.wait_for(Heartbeat)
        order, _ = worker.told.get(timeout=PATIENCE_S)
    assert hello.greeting == 2
    assert isinstance(order, Close)


def test_a_dismissal_is_passed_on_without_a_welcome(start_link, address, worker):
    with Router(address, welcomes=False) as router:
        start_link()
        router.wait_for(Hello)
        router.send(Dismiss(reason="unknown"))
        assert worker.told.get(timeout=PATIENCE_S) == "unknown"


def test_heartbeats_come_at_their_interval_with_the_age_of_the_main_thread(start_link, router):
    start_link(heartbeat_s=0.05)
    for _ in range(3):
        assert router.wait_for(Heartbeat).main_thread_age_s == 1.25


def test_of_many_points_the_latest_are_told_and_the_last_before_the_end(start_link, router):
    link = start_link(progress_s=3600.0)
    router.wait_for(Heartbeat)
    for points in range(1, 1001):
        link.show_progress(Progress(attempt=KEY, points=points, total=1000))
    link.report(finish())
    router.wait_for(ItemFinished)
    shown = [message.points for message in router.of(Progress)]
    assert 1 <= len(shown) <= 2
    assert shown[-1] == 1000
    assert isinstance(router.messages[router.messages.index(router.of(ItemFinished)[0]) - 1], Progress)


def test_text_that_is_printed_in_quick_succession_leaves_in_few_telegrams(start_link, router):
    link = start_link(console_s=0.2)
    router.wait_for(Heartbeat)
    lines = [f"line {number}\n" for number in range(200)]
    for line in lines:
        link.write_console(line)
    assert router.wait_for_console("line 199\n") == "".join(lines)
    assert len(router.of(Console)) <= 5


def test_the_last_words_leave_before_the_link_ends(start_link, router):
    link = start_link(console_s=3600.0)
    router.wait_for(Heartbeat)
    link.write_console("first\n")
    router.wait_for_console("first\n")
    link.write_console("last\n")
    link.close()
    router.wait_for_console("last\n")


def test_an_absent_manager_is_noticed_again_and_again_and_a_present_one_is_not(start_link, worker, address):
    start_link(absence_s=0.05)
    assert worker.told.get(timeout=PATIENCE_S) >= 0.05
    assert worker.told.get(timeout=PATIENCE_S) >= 0.05
    with Router(address) as router:
        router.wait_for(Heartbeat)
        while not worker.told.empty():
            worker.told.get()
        router.drain(0.2)
        assert worker.told.empty()


def test_a_manager_that_does_not_read_blocks_nobody_and_gets_every_report_in_the_end(start_link, router):
    link = start_link()
    router.wait_for(Heartbeat)
    # More than the queues and buffers between the two sockets hold.
    for _ in range(2500):
        link.report(OrderRefused(number=UNNUMBERED, attempt=KEY, order="pause", message="x" * 5000))
    link.report(finish())
    while not router.of(ItemFinished):
        assert router.receive() is not None
    assert numbers(router) == list(range(1, 2502))


def test_a_link_that_was_never_started_can_be_closed(address):
    WorkerLink(LinkSettings(address, "default", "one", 1), Outbox()).close()
