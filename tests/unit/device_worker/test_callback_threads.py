"""Threads in which ophyd runs callbacks: they rest while nothing is called, and end at once."""

from __future__ import annotations

import logging
import threading
from types import SimpleNamespace

import ophyd
import pytest

from device_worker import callback_threads

NEVER_S = 3600.0
PATIENCE_S = 30.0


@pytest.fixture
def dispatcher(monkeypatch):
    made = type(ophyd.cl.get_dispatcher())(context=None, logger=logging.getLogger("test"), timeout=0.01)
    monkeypatch.setattr(ophyd, "cl", SimpleNamespace(get_dispatcher=lambda: made))
    yield made
    callback_threads.wake()
    made.stop()


def rest(dispatcher):
    callback_threads.let_rest(NEVER_S)
    # Whoever waits already does so for the time that was.
    for name in dispatcher.threads:
        begun = threading.Event()
        dispatcher.get_thread_context(name).run(begun.set)
        assert begun.wait(PATIENCE_S)


def test_a_callback_wakes_a_thread_that_rests(dispatcher):
    rest(dispatcher)
    called = threading.Event()
    dispatcher.get_thread_context("monitor").run(called.set)
    assert called.wait(PATIENCE_S)


def test_threads_that_were_woken_end_without_the_time_for_which_they_would_rest(dispatcher):
    rest(dispatcher)
    callback_threads.wake()
    ending = threading.Thread(target=dispatcher.stop, daemon=True)
    ending.start()
    ending.join(PATIENCE_S)
    assert not ending.is_alive()
    assert not dispatcher.threads


def test_without_ophyd_there_is_nothing_to_do(monkeypatch):
    monkeypatch.delitem(callback_threads.sys.modules, "ophyd")
    callback_threads.let_rest()
    callback_threads.wake()


def test_a_control_layer_without_threads_is_left_alone(monkeypatch):
    monkeypatch.setattr(ophyd, "cl", SimpleNamespace(get_dispatcher=lambda: object()))
    callback_threads.let_rest()
    callback_threads.wake()
