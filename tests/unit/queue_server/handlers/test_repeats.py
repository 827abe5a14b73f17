"""A person may repeat an emergency stop often, and nobody is kept from it by others."""

from __future__ import annotations

import pytest

from queue_server.clock import ManualClock
from queue_server.handlers.repeats import MOST_REPEATS, WITHIN_S, Repeats
from queue_server.protocol.errors import BusyError


def test_too_many_repeats_of_one_person_are_refused_until_time_has_passed():
    clock = ManualClock()
    repeats = Repeats(clock)
    for _ in range(MOST_REPEATS):
        repeats.admit("jdoe")
    with pytest.raises(BusyError) as caught:
        repeats.admit("jdoe")
    assert 0 < caught.value.details["retry_after_s"] <= WITHIN_S
    repeats.admit("another")
    clock.advance(WITHIN_S)
    repeats.admit("jdoe")


def test_the_persons_that_are_remembered_are_bounded():
    repeats = Repeats(ManualClock())
    for number in range(3000):
        repeats.admit(f"person {number}")
