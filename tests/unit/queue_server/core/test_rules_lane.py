"""Conditions of a lane: a person releases what was held, and nothing else."""

from __future__ import annotations

import pytest

from queue_server.core.events import HoldReleased
from queue_server.core.machine import step

LANE = "default"


def test_a_held_lane_is_released(make_state, make_lane):
    outcome = step(make_state(make_lane(condition="held", reason="unknown")), HoldReleased(LANE))
    lane = outcome.state.lane(LANE)
    assert (lane.condition, lane.reason, outcome.effects) == ("open", "", ())


@pytest.mark.parametrize(("condition", "reason"), [("open", ""), ("estopped", "smoke")])
def test_any_other_condition_stays(make_state, make_lane, condition, reason):
    state = make_state(make_lane(condition=condition, reason=reason))
    assert step(state, HoldReleased(LANE)).state == state
