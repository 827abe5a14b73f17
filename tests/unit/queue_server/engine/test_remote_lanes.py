"""What the state says of workers that connect by themselves."""

from __future__ import annotations

import pytest

from queue_server.core.model import Lane, State, Worker
from queue_server.engine.remote_lanes import RemoteLanes


@pytest.fixture
def lanes():
    there = Worker("open", "scanner.2", connected=True)
    silent = Worker("open", "mute.1", connected=True, answering=False)
    state = State(
        1,
        lanes=(
            Lane(),
            Lane("scanner", worker=there, is_remote=True),
            Lane("mute", worker=silent, is_remote=True),
            Lane("gone", worker=Worker("open", "gone.1"), is_remote=True),
        ),
    )
    return RemoteLanes(lambda: state)


def test_lanes_are_remote_or_not(lanes):
    assert [lanes.is_remote(name) for name in ("default", "scanner", "nowhere")] == [False, True, False]


@pytest.mark.parametrize(
    ("lane", "incarnation", "is_away"),
    [
        ("scanner", "scanner.2", False),
        ("scanner", "scanner.1", False),
        ("mute", "mute.1", True),
        ("gone", "gone.1", True),
        ("nowhere", "gone.1", False),
    ],
)
def test_a_worker_is_away_if_it_serves_the_lane_and_is_not_heard(lanes, lane, incarnation, is_away):
    assert lanes.is_away(lane, incarnation) is is_away
