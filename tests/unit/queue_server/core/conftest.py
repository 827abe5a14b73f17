"""Builders of states, and short names for what happens to them."""

from __future__ import annotations

import dataclasses
from copy import deepcopy
from typing import Any

import pytest

from queue_server.core.effects import FinishAttempt
from queue_server.core.events import WorkerReported
from queue_server.core.machine import step
from queue_server.core.model import Attempt, Lane, State, Wait, Worker
from queue_server.protocol.errors import RefusedError
from queue_server.protocol.items import AttemptKey, Run
from queue_server.protocol.worker_link import ItemFinished

LANE = "default"
INCARNATION = "the worker"


@pytest.fixture
def key():
    """The fencing token of the attempt that is open where one is."""
    return AttemptKey("item", "submission", LANE, 3, 1)


@pytest.fixture
def late_key(key):
    """The fencing token of the attempt before."""
    return dataclasses.replace(key, number=2)


@pytest.fixture
def make_worker():
    """Build the worker of a lane."""

    def build(environment: Any = "open", **changes):
        if environment == "closed":
            return Worker(**changes)
        wait = None if environment == "open" else Wait("something", 1.0)
        known = {"incarnation": INCARNATION, "connected": True, "re_state": "idle", "wait": wait, **changes}
        return Worker(environment, **known)

    return build


@pytest.fixture
def make_lane(make_worker):
    """Build a lane whose worker is in ``environment``."""

    def build(environment="open", *, worker=None, **changes):
        return Lane(worker=make_worker(environment, **(worker or {})), **changes)

    return build


@pytest.fixture
def make_state():
    """Build the state of a serving manager."""

    def build(*lanes, phase: Any = "serving", **changes):
        return State(epoch=1, phase=phase, lanes=lanes or (Lane(),), **changes)

    return build


@pytest.fixture
def make_running(make_lane, make_state, key):
    """Build a state in which a plan runs; the changes are those of its attempt, ``lane`` those of the lane."""

    def build(re_state="running", *, phase="serving", environment="open", lane=None, **changes):
        attempt = Attempt(key, 100.0, **{"phase": "running", "runs": (Run("r1", 1),), **changes})
        settings = {"queue": "running", "attempt": attempt, "size": 2, **(lane or {})}
        return make_state(make_lane(environment, worker={"re_state": re_state}, **settings), phase=phase)

    return build


@pytest.fixture
def make_finish(key):
    """Build the report that the attempt has ended."""

    def build(outcome: Any = "completed", **changes):
        known = {"number": 1, "attempt": key, "time_start": 101.0, "time_stop": 109.0, **changes}
        return ItemFinished(outcome=outcome, **known)

    return build


@pytest.fixture
def tell():
    """Apply a report of the worker."""

    def report(state, message, *, incarnation=INCARNATION, at=50.0):
        return step(state, WorkerReported(LANE, incarnation, message, at))

    return report


@pytest.fixture
def refuse():
    """Apply an event that does not fit, and return the refusal."""

    def apply(state, event):
        before = deepcopy(state)
        with pytest.raises(RefusedError) as caught:
            step(state, event)
        assert state == before
        return caught.value

    return apply


@pytest.fixture
def find_finish():
    """Return the only end of an attempt among effects."""

    def find(outcome):
        (finish,) = [effect for effect in outcome.effects if isinstance(effect, FinishAttempt)]
        return finish

    return find
