"""A timer wakes whoever waits when it is due; that may be put off meanwhile."""

from __future__ import annotations

import os
import threading
import time

import pytest

from device_worker.documents.timer import Timer

NEVER_S = 3600.0
PATIENCE_S = 30.0


@pytest.fixture
def timer():
    timer = Timer()
    yield timer
    timer.close()


@pytest.fixture
def pipe():
    """The two ends of a pipe, the one to read first."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def waiting(timer):
    """A thread that waits."""
    thread = threading.Thread(target=timer.wait, daemon=True)
    thread.start()
    yield thread
    timer.set(0)
    thread.join(PATIENCE_S)


def test_it_is_not_due_before_its_time(timer):
    began_s = time.monotonic()
    timer.set(0.02)
    timer.wait()
    assert time.monotonic() - began_s >= 0.02


@pytest.mark.parametrize("past_s", [0.0, -1.0])
def test_what_lies_in_the_past_is_due_at_once(timer, past_s):
    timer.set(past_s)
    timer.wait()


def test_a_later_time_takes_the_place_of_an_earlier_one(timer):
    began_s = time.monotonic()
    timer.set(0)
    timer.set(0.02)
    timer.wait()
    assert time.monotonic() - began_s >= 0.02


def test_whoever_waits_already_is_woken_at_the_new_time(timer, waiting):
    timer.set(NEVER_S)
    timer.set(0.001)
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive()


def test_it_is_due_again_each_time_that_it_is_set(timer):
    for _ in range(3):
        timer.set(0.001)
        timer.wait()


def test_something_to_read_ends_the_wait_before_it_is_due(timer, pipe):
    reader, writer = pipe
    timer.set(NEVER_S)
    os.write(writer, b"x")
    timer.wait(reader)
    assert os.read(reader, 1) == b"x"


def test_it_is_due_while_there_is_nothing_to_read(timer, pipe):
    timer.set(0.001)
    timer.wait(pipe[0])


def test_a_timer_that_is_closed_cannot_be_set(timer):
    timer.close()
    timer.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        timer.set(1)
