"""The machine: one rule for every event, and refusals that change nothing."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from queue_server.core.events import EnvironmentCloseRequested, Event, QueueChanged
from queue_server.core.machine import RULES, Step, step
from queue_server.protocol.errors import StateError


def test_every_event_has_a_rule():
    assert set(RULES) == set(get_args(Event))


def test_a_step_returns_a_new_state_and_leaves_the_old_one(make_state):
    before = make_state()
    after = step(before, QueueChanged("default", 1))
    assert isinstance(after, Step)
    assert (before.lane("default").size, after.state.lane("default").size) == (0, 1)


def test_an_event_that_does_not_fit_raises_and_changes_nothing(make_state):
    state = make_state()
    mark = hash(state)
    with pytest.raises(StateError):
        step(state, EnvironmentCloseRequested("default", 1.0))
    assert hash(state) == mark


def test_what_is_no_event_is_an_error_of_the_caller(make_state):
    nonsense: Any = "start"
    with pytest.raises(KeyError):
        step(make_state(), nonsense)
