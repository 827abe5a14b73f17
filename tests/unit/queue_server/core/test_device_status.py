"""How a device is, from its lane alone: the worst of what is true counts, and without a connection it is OFFLINE."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.core.device_status import Situation, find_situation, is_active, is_offered
from queue_server.core.events import WorkerExited
from queue_server.core.machine import step
from queue_server.core.model import Attempt, Lane, State, Worker
from queue_server.protocol.items import AttemptKey

ITEM = AttemptKey("item", "submission", "device", 1, 1)
HERE = Worker(environment="open", incarnation="w", connected=True, re_state="ready")
BUSY = Attempt(ITEM, 1.0)


def lane(re_state="ready", *, worker=None, **more):
    """Return the lane of a device that is connected."""
    return Lane("device", worker=replace(HERE, re_state=re_state, **(worker or {})), **more)


def summary(found):
    """Return the two words of a lane."""
    situation = find_situation(found)
    return situation.status, situation.condition


def test_a_device_without_a_lane_is_offline():
    assert find_situation(None) == Situation("OFFLINE", "offline")


@pytest.mark.parametrize(
    ("re_state", "attempt", "expected"),
    [
        ("ready", None, ("ONLINE", "ready")),
        ("idle", None, ("ONLINE", "ready")),
        (None, None, ("ONLINE", "ready")),
        ("ready", BUSY, ("BUSY", "working")),
        ("running", BUSY, ("BUSY", "working")),
        ("registering", None, ("OFFLINE", "registering")),
        ("registering", BUSY, ("OFFLINE", "registering")),
        ("needs_restart", None, ("OFFLINE", "needs_restart")),
        ("needs_restart", BUSY, ("OFFLINE", "needs_restart")),
        ("fault", None, ("ERROR", "fault")),
        ("fault", BUSY, ("ERROR", "fault")),
        ("unresolved", None, ("ERROR", "unresolved")),
        ("duplicate_connection", None, ("ERROR", "duplicate_connection")),
        ("duplicate_connection", BUSY, ("ERROR", "duplicate_connection")),
    ],
)
def test_what_the_gateway_reports_decides(re_state, attempt, expected):
    assert summary(lane(re_state, attempt=attempt)) == expected


@pytest.mark.parametrize("gone", [{"connected": False}, {"answering": False}])
@pytest.mark.parametrize("re_state", ["ready", "fault", "duplicate_connection", "registering"])
@pytest.mark.parametrize("attempt", [None, BUSY])
def test_without_a_live_connection_it_is_offline_whatever_was_reported(gone, re_state, attempt):
    assert summary(lane(re_state, worker=gone, attempt=attempt)) == ("OFFLINE", "offline")


def test_an_item_that_the_manager_does_not_know_makes_it_busy_too():
    found = lane(worker={"stray": ITEM})
    assert is_active(found)
    assert summary(found) == ("BUSY", "working")


def test_an_emergency_stop_is_a_fault_with_its_reason():
    found = lane(condition="estopped", reason="smoke")
    assert summary(found) == ("ERROR", "fault")
    assert find_situation(found).fault_message == "smoke"


@pytest.mark.parametrize("reason", ["a person holds it", "attempt 1 ended as failed: too hot", ""])
def test_a_lane_that_is_held_for_another_reason_is_no_error(reason):
    found = find_situation(lane(condition="held", reason=reason))
    assert (found.status, found.condition, found.reason, found.fault_message) == ("ONLINE", "ready", reason, None)


def test_an_item_whose_end_nobody_knows_stays_unresolved_after_the_gateway_has_forgotten_it():
    """The core itself makes the lane: its words and those that are looked for here are the same."""
    busy = lane("running", attempt=BUSY, queue="running", on_failure="hold")
    state = State(1, phase="serving", lanes=(Lane(), busy))
    exited = WorkerExited("device", "w", "the connection was lost", 2.0)
    left = step(state, exited).state.lane("device")
    assert summary(left) == ("OFFLINE", "unresolved")
    assert "the connection was lost" in (find_situation(left).fault_message or "")
    back = replace(left, worker=HERE)
    assert summary(back) == ("ERROR", "unresolved")
    assert summary(replace(back, worker=replace(HERE, re_state="fault"))) == ("ERROR", "unresolved")
    worst = replace(back, worker=replace(HERE, re_state="duplicate_connection"))
    assert summary(worst) == ("ERROR", "duplicate_connection")


def test_the_failure_of_a_worker_is_the_reason_of_a_lane_that_has_none():
    assert find_situation(Lane("device", worker=Worker(failure="no startup code"))).reason == "no startup code"


@pytest.mark.parametrize(
    ("phase", "worker", "expected"),
    [
        ("serving", {}, True),
        ("recovering", {}, False),
        ("serving", {"environment": "opening"}, False),
        ("serving", {"environment": "closed"}, False),
        ("serving", {"connected": False}, False),
        ("serving", {"answering": False}, False),
    ],
)
def test_devices_of_a_worker_are_offered_while_its_environment_is_open(phase, worker, expected):
    found = lane(worker=worker)
    assert is_offered(State(1, phase=phase, lanes=(found,)), found) is expected
