"""Signals interrupt loading, and afterwards reach a thread of their own."""

from __future__ import annotations

import operator
import os
import signal
import threading
from functools import partial
from queue import SimpleQueue

import pytest

from device_worker.signals import HANDLED, LoadingInterrupted, Signals

PATIENCE_S = 60


@pytest.fixture
def received():
    return SimpleQueue()


@pytest.fixture
def signals(received):
    numbers = (*HANDLED, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    signals = Signals()
    signals.install(received.put)
    yield signals
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    signal.set_wakeup_fd(-1)


def test_a_signal_interrupts_the_loading_of_startup_code(signals):
    with pytest.raises(LoadingInterrupted, match="SIGTERM while"):
        signal.raise_signal(signal.SIGTERM)


def test_loading_is_interrupted_although_it_was_just_about_to_wait(signals):
    go, never = threading.Lock(), threading.Lock()

    def send():
        with go:
            # The main thread waits already, and no other is interrupted.
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    go.acquire()
    never.acquire()
    threading.Thread(target=send).start()
    with pytest.raises(LoadingInterrupted, match="SIGTERM while"):
        list(map(operator.call, (go.release, partial(never.acquire, timeout=PATIENCE_S))))


@pytest.mark.parametrize("number", HANDLED)
def test_later_a_signal_is_passed_on_by_name(signals, received, number):
    signals.loading_ended()
    signal.raise_signal(number)
    assert received.get(timeout=PATIENCE_S) == number.name


@pytest.mark.parametrize("number", HANDLED)
def test_each_signal_is_passed_on_while_the_main_thread_runs_no_bytecode(signals, received, number):
    signals.loading_ended()
    go, heard, over = threading.Lock(), [], threading.Lock()

    def signal_twice():
        with go:
            for _ in range(2):
                signal.pthread_kill(threading.get_ident(), number)
                heard.append(received.get(timeout=PATIENCE_S))

    def serve():
        try:
            signal_twice()
        finally:
            over.release()

    go.acquire()
    over.acquire()
    threading.Thread(target=serve).start()
    # Two calls without a bytecode in between: the handler cannot run before the wait is over.
    list(map(operator.call, (go.release, over.acquire)))
    assert heard == [number.name, number.name]


def test_a_signal_is_passed_on_once(signals, received):
    signals.loading_ended()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        signal.raise_signal(number)
    assert [received.get(timeout=PATIENCE_S) for _ in range(3)] == ["SIGTERM", "SIGINT", "SIGTERM"]


@pytest.mark.parametrize("number", HANDLED)
def test_a_signal_is_passed_on_although_another_has_taken_its_writing_over(signals, received, number):
    signals.loading_ended()
    signal.raise_signal(number)
    signal.set_wakeup_fd(-1)
    signal.raise_signal(number)
    signals.listen()
    signal.raise_signal(number)
    assert [received.get(timeout=PATIENCE_S) for _ in range(3)] == [number.name] * 3


def test_signals_of_other_handlers_mean_nothing(signals, received):
    signals.loading_ended()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: None)
    signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)
    signal.raise_signal(signal.SIGTERM)
    assert received.get(timeout=PATIENCE_S) == "SIGTERM"


def test_a_terminal_that_closes_means_nothing(signals):
    signal.raise_signal(signal.SIGHUP)


def test_a_forked_child_ends_by_itself_and_its_parent_hears_nothing(signals, received):
    signals.loading_ended()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(5)
        while True:
            signal.pause()
    # At once, before it may have run anything.
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM
    signal.raise_signal(signal.SIGINT)
    assert received.get(timeout=PATIENCE_S) == "SIGINT"
