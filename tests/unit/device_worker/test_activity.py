"""The standing of the worker is one value that every thread can ask for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from device_worker.activity import Activity
from queue_server.client.worker import Standing
from queue_server.protocol.items import AttemptKey, Run

KEY = AttemptKey("item", "submission", "default", 1, 1)


@pytest.fixture
def activity():
    return Activity()


@pytest.fixture
def elsewhere():
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_it_tells_what_the_worker_goes_through(activity):
    assert activity.standing == Standing("loading")
    activity.open()
    assert activity.standing == Standing("open", "idle")
    activity.accept(KEY)
    activity.enter("running")
    activity.list_runs((Run("a"),))
    assert activity.standing == Standing("open", "running", KEY, (Run("a"),))
    activity.enter("idle")
    activity.end()
    assert activity.standing == Standing("open", "idle")


def test_an_environment_that_failed_has_no_run_engine(activity):
    activity.fail()
    assert activity.standing == Standing("failed")


@pytest.mark.parametrize("state", ["running", "pausing", "paused"])
def test_waiting_for_the_start_ends_when_the_run_engine_has_begun(activity, elsewhere, state):
    activity.open()
    activity.accept(KEY)
    waiting = elsewhere.submit(activity.wait_started, KEY)
    assert not waiting.done()
    activity.enter(state)
    assert waiting.result(5)


def test_waiting_for_the_start_ends_when_the_attempt_does(activity, elsewhere):
    activity.open()
    activity.accept(KEY)
    waiting = elsewhere.submit(activity.wait_started, KEY)
    activity.end()
    assert not waiting.result(5)


def test_an_attempt_that_is_over_is_not_waited_for(activity):
    activity.open()
    assert not activity.wait_started(KEY)
