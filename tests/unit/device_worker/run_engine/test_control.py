"""A pause reaches the plan that it was meant for, and a loop that does not answer is found out."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import Any

import pytest

from device_worker.activity import Activity
from device_worker.commands import Commands
from device_worker.run_engine.control import LoopWatch, Pauser
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Execute, OrderRefused, Pause

FIRST, SECOND = (AttemptKey(f"item-{number}", "submission", "default", number, 1) for number in (1, 2))


class Engine:
    """A RunEngine as far as pausing goes: a request lasts until it is let go."""

    def __init__(self):
        self.requests = SimpleQueue()
        self.let_go = threading.Event()
        self.error = None

    def request_pause(self, defer):
        error = self.error
        self.requests.put(defer)
        assert self.let_go.wait(5)
        if error:
            raise error


class Reports(SimpleQueue):
    """A reporter that keeps what it is given."""

    def report(self, report):
        self.put(report)

    def show_progress(self, progress):
        pass


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def reports():
    return Reports()


@pytest.fixture
def activity():
    activity = Activity()
    activity.open()
    return activity


@pytest.fixture
def commands(activity, reports):
    return Commands("default", activity, reports)


@pytest.fixture
def pauser(engine, activity, commands):
    pauser = Pauser(engine, activity, commands)
    pauser.start()
    return pauser


def order(commands, attempt, option: Any = "deferred"):
    commands.take(Pause(attempt=attempt, option=option), 1)


@pytest.mark.parametrize(("option", "defer"), [("deferred", True), ("immediate", False)])
def test_a_pause_waits_for_the_plan_to_begin(pauser, engine, activity, commands, option, defer):
    engine.let_go.set()
    commands.take(Execute(attempt=FIRST, content={}), 1)
    order(commands, FIRST, option)
    activity.enter("running")
    assert engine.requests.get(timeout=5) is defer


def test_a_refused_pause_is_reported(pauser, engine, activity, commands, reports):
    engine.let_go.set()
    engine.error = RuntimeError("can not be paused")
    commands.take(Execute(attempt=FIRST, content={}), 1)
    activity.enter("paused")
    order(commands, FIRST)
    refused = reports.get(timeout=60)
    assert isinstance(refused, OrderRefused)
    assert (refused.attempt, refused.order, refused.message) == (FIRST, "pause", "can not be paused")


def test_a_plan_that_is_to_end_is_paused_once_it_goes_on(pauser, engine, activity, commands, reports):
    engine.let_go.set()
    engine.error = RuntimeError("can not be paused")
    commands.take(Execute(attempt=FIRST, content={}), 1)
    activity.enter("paused")
    for _ in range(2):
        commands.terminate("SIGTERM")
    assert engine.requests.get(timeout=60) is False
    engine.error = None
    activity.enter("running")
    assert engine.requests.get(timeout=60) is False
    pauser.settle()
    assert reports.empty()


def test_a_plan_that_is_to_end_and_has_ended_is_not_asked_to_pause_again(pauser, engine, activity, commands):
    engine.let_go.set()
    engine.error = RuntimeError("can not be paused")
    commands.take(Execute(attempt=FIRST, content={}), 1)
    activity.enter("paused")
    for _ in range(2):
        commands.terminate("SIGTERM")
    assert engine.requests.get(timeout=60) is False
    activity.end()
    activity.enter("running")
    commands.take(Execute(attempt=SECOND, content={}), 1)
    order(commands, SECOND)
    assert engine.requests.get(timeout=60) is True


def test_a_pause_for_a_plan_that_has_ended_does_not_reach_the_next_one(pauser, engine, activity, commands):
    engine.let_go.set()
    commands.take(Execute(attempt=FIRST, content={}), 1)
    order(commands, FIRST, "immediate")
    activity.end()
    commands.take(Execute(attempt=SECOND, content={}), 1)
    activity.enter("running")
    order(commands, SECOND, "deferred")
    assert engine.requests.get(timeout=5) is True
    assert engine.requests.empty()


def test_the_next_plan_waits_for_a_request_that_is_under_way(pauser, engine, activity, commands):
    commands.take(Execute(attempt=FIRST, content={}), 1)
    activity.enter("running")
    order(commands, FIRST)
    engine.requests.get(timeout=60)
    settled = threading.Event()
    waiting = threading.Thread(target=lambda: (pauser.settle(), settled.set()))
    waiting.start()
    assert not settled.is_set()
    engine.let_go.set()
    assert settled.wait(5)
    waiting.join()


class Loop:
    """An event loop that answers when it is told to."""

    def __init__(self):
        self.callbacks = []

    def call_soon_threadsafe(self, callback):
        self.callbacks.append(callback)

    def answer(self):
        while self.callbacks:
            self.callbacks.pop()()


def test_a_loop_that_answers_has_no_age():
    loop: Any = Loop()
    times = iter(range(100))
    watch = LoopWatch(loop, lambda: next(times))
    for _ in range(3):
        assert watch.age_s() == 0
        loop.answer()


def test_the_age_counts_from_the_last_answer_and_asks_only_once():
    loop: Any = Loop()
    now = [10.0]
    watch = LoopWatch(loop, lambda: now[0])
    watch.age_s()
    loop.answer()
    ages = []
    for now[0] in (11.0, 12.0, 13.0):
        ages.append(watch.age_s())
    assert ages == [0.0, 2.0, 3.0]
    assert len(loop.callbacks) == 1
    loop.answer()
    assert watch.age_s() == 0


def test_a_closed_loop_is_told_and_grows_old(caplog):
    loop, now = asyncio.new_event_loop(), [0.0]
    loop.close()
    watch = LoopWatch(loop, lambda: now[0])
    assert watch.age_s() == 0
    now[0] = 5.0
    assert watch.age_s() == 5.0
    assert len(caplog.records) == 1
