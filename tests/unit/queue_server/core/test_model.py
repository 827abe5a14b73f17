"""The state: frozen, looked up by lane, replaced and never changed."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.core.model import Lane, State
from queue_server.protocol.errors import NotFoundError


@pytest.fixture
def state():
    return State(epoch=1, lanes=(Lane("a"), Lane("b", size=2)))


def test_a_lane_is_found_by_its_name(state):
    assert state.lane("b") == Lane("b", size=2)


def test_a_lane_that_does_not_exist_is_refused_with_those_that_do(state):
    with pytest.raises(NotFoundError, match=r"no lane 'c'. Lanes: \['a', 'b'\]"):
        state.lane("c")


def test_replacing_a_lane_leaves_the_others_and_the_order(state):
    changed = state.with_lane(Lane("a", size=7))
    assert changed.lanes == (Lane("a", size=7), Lane("b", size=2))
    assert state.lanes == (Lane("a"), Lane("b", size=2))


def test_revisions_are_raised_by_name(state):
    revisions = state.bump("queue", "runs").bump("queue").revisions
    assert (revisions.queue, revisions.runs, revisions.history) == (2, 1, 0)


def test_nothing_can_be_assigned(state):
    with pytest.raises(AttributeError):
        state.phase = "serving"


def test_a_state_can_be_compared_and_hashed(state):
    assert hash(state) == hash(replace(state))
    assert state != state.bump("queue")


@pytest.mark.parametrize(
    ("environment", "idle"),
    [("closed", True), ("opening", False), ("open", True), ("closing", False), ("destroying", False)],
)
def test_a_lane_is_idle_while_nothing_opens_or_closes(make_lane, environment, idle):
    assert make_lane(environment).is_idle is idle


def test_a_lane_with_a_plan_or_a_running_queue_is_not_idle(make_lane, make_running):
    assert not make_lane(queue="starting").is_idle
    assert not make_running(lane={"queue": "stopped"}).lane("default").is_idle
