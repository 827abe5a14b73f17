"""Signals interrupt loading, and afterwards reach a thread of their own."""

from __future__ import annotations

import os
import signal
from queue import SimpleQueue

import pytest

from device_worker.signals import HANDLED, LoadingInterrupted, Signals


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


def test_a_signal_interrupts_the_loading_of_startup_code(signals):
    with pytest.raises(LoadingInterrupted, match="SIGTERM while"):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("number", HANDLED)
def test_later_a_signal_is_passed_on_by_name(signals, received, number):
    signals.loading_ended()
    signal.raise_signal(number)
    assert received.get(timeout=60) == number.name


def test_a_terminal_that_closes_means_nothing(signals):
    signal.raise_signal(signal.SIGHUP)


def test_a_forked_child_ends_by_itself_and_its_parent_hears_nothing(signals, received):
    signals.loading_ended()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(5)
        # Python forgets a signal that arrives while it is still preparing the child.
        os.write(writer, b"ready")
        while True:
            signal.pause()
    os.read(reader, 5)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    assert os.WTERMSIG(status) == signal.SIGTERM
    assert received.empty()
