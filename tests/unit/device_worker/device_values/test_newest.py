"""The newest values of a device: the first change goes at once, later ones when their time has come."""

from __future__ import annotations

import numpy as np
import pytest

from device_worker.device_values.newest import LEAST_S, OVERDUE, NewestValues
from queue_server.protocol.codec import encode
from queue_server.protocol.device_values import MOST_VALUES_BYTES


class Wakes:
    """Counts how often it was called."""

    count = 0

    def __call__(self):
        self.count += 1


@pytest.fixture
def wakes():
    return Wakes()


@pytest.fixture
def values(wakes):
    """A device that was read once, and told."""
    values = NewestValues(wakes)
    values.begin({"m": {"value": 1, "timestamp": 5.0, "units": "mm", "source": "sim"}}, is_moving=False, note="")
    values.take(0.0)
    return values


def value_of(content):
    return content[0]["m"]["value"]


def test_the_first_change_is_due_at_once_and_the_next_one_after_the_interval(values):
    assert values.due_s() is None
    values.tell("m", 2, 6.0)
    assert values.due_s() == pytest.approx(LEAST_S)
    assert value_of(values.take(10.0)) == 2
    values.tell("m", 3, 7.0)
    assert values.due_s() == pytest.approx(10.0 + LEAST_S)


def test_only_the_newest_of_many_changes_is_told_and_one_wakes_for_all(values, wakes):
    before = wakes.count
    for position in range(100):
        values.tell("m", position, float(position))
    assert wakes.count == before + 1
    readings, is_moving, note, error = values.take(1.0)
    assert readings == {"m": {"value": 99, "timestamp": 99.0, "units": "mm"}}
    assert (is_moving, note, error) == (False, "", "")
    assert values.due_s() is None


def test_what_changes_while_the_device_is_read_is_newer_than_what_was_read(wakes):
    values = NewestValues(wakes)
    values.tell("m", 7, 2.0)
    values.tell_moving(is_moving=True)
    assert (values.due_s(), wakes.count) == (None, 0)
    values.begin({"m": {"value": 6, "timestamp": 1.0}}, is_moving=False, note="")
    readings, is_moving, *_ = values.take(0.0)
    assert (readings["m"]["value"], is_moving) == (7, True)


def test_a_signal_that_no_reading_names_is_told_too(values):
    values.tell("m_setpoint", 4.5, None)
    assert values.take(1.0)[0]["m_setpoint"] == {"value": 4.5, "timestamp": None}


def test_values_are_told_again_on_demand(values):
    values.repeat()
    assert value_of(values.take(1.0)) == 1


def test_a_device_that_does_not_answer_in_time_is_reported_once_and_goes_on_when_it_has(wakes):
    values = NewestValues(wakes)
    values.expect(10.0)
    values.tell("m", 7, 2.0)
    assert values.due_s() == 10.0
    assert values.take(10.0)[3] == OVERDUE
    assert values.due_s() is None
    values.begin({"m": {"value": 1, "timestamp": 1.0}, "n": {"value": 2, "timestamp": 1.0}}, is_moving=None, note="")
    readings, _, _, error = values.take(11.0)
    assert (readings["m"]["value"], readings["n"]["value"], error) == (7, 2, "")


def test_a_failure_is_told_and_forgotten_when_the_device_is_followed_anew(values):
    values.fail("it is off")
    assert (values.has_failed, values.take(1.0)[3]) == (True, "it is off")
    values.expect(5.0)
    assert not values.has_failed


def test_arrays_become_lists_and_what_is_too_large_or_strange_is_shown_as_a_text(values):
    values.tell("m", np.arange(3), 1.0)
    values.tell("image", np.zeros((2000, 2000)), 1.0)
    values.tell("thing", object(), 1.0)
    readings, *_ = values.take(1.0)
    assert readings["m"]["value"] == [0, 1, 2]
    assert readings["image"]["value"].startswith("array(")
    assert len(readings["image"]["value"]) < 2000
    assert "object" in readings["thing"]["value"]


def test_a_message_stays_within_its_bounds_however_many_signals_there_are(values):
    for number in range(100):
        values.tell(f"s{number}", "x" * 15_000, 1.0)
    readings, *_ = values.take(1.0)
    assert 0 < len(encode(readings)) <= MOST_VALUES_BYTES
