"""Lanes whose workers connect by themselves: they come and go, and the newest worker has the lane."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from queue_server.core import machine
from queue_server.core.effects import ClaimNext, FinishAttempt, Send
from queue_server.core.events import (
    EnvironmentCloseRequested,
    EnvironmentDestroyRequested,
    EnvironmentOpenRequested,
    HoldReleased,
    LaneAdded,
    LaneRemoved,
    QueueStartRequested,
    StopRequested,
    WorkerConnected,
    WorkerExited,
    WorkerReported,
)
from queue_server.core.model import Attempt, Lane, State, Worker
from queue_server.protocol.errors import ConflictError, StateError
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import (
    Dismiss,
    EnvironmentClosed,
    EnvironmentFailed,
    EnvironmentOpened,
    Hello,
    ItemFinished,
    Welcome,
)

# Without types: a test knows where an attempt is open.
step: Any = machine.step

SCANNER = "scanner"
KEY = AttemptKey("item", "submission", SCANNER, 1, 1)


def hello(number=1, attempt=None, environment: Any = "open"):
    return WorkerConnected(
        Hello(
            lane=SCANNER,
            incarnation=f"scanner.{number}",
            pid=1,
            environment=environment,
            re_state="ready",
            attempt=attempt,
            next_report=1,
        ),
        at=150.0,
    )


@pytest.fixture
def make_scanner():
    """Build the state with the lane of a scanner."""

    def build(environment: Any = "closed", *, phase: Any = "serving", **changes):
        worker = Worker() if environment == "closed" else Worker(environment, "scanner.1", connected=True)
        known = {"worker": worker, "is_remote": True, "autostart": True, "on_failure": "hold", **changes}
        return State(1, phase=phase, lanes=(Lane(), Lane(SCANNER, **known)))

    return build


@pytest.fixture
def scanning(make_scanner):
    """A scan is under way, and two more are queued."""
    return make_scanner("open", queue="running", attempt=Attempt(KEY, 100.0, phase="running"), size=2)


def test_a_lane_is_added_whose_queue_starts_by_itself_and_holds_what_fails():
    lane = step(State(1, phase="serving"), LaneAdded(SCANNER)).state.lane(SCANNER)
    assert (lane.is_remote, lane.autostart, lane.on_failure, lane.size) == (True, True, "hold", 0)


def test_a_lane_is_not_added_twice(make_scanner, refuse):
    assert isinstance(refuse(make_scanner(), LaneAdded(SCANNER)), ConflictError)
    assert isinstance(refuse(make_scanner(), LaneAdded("default")), ConflictError)


def test_an_empty_lane_goes_with_its_worker(make_scanner):
    outcome = step(make_scanner("open"), LaneRemoved(SCANNER, "deleted", 9.0))
    assert [lane.name for lane in outcome.state.lanes] == ["default"]
    assert outcome.effects == (Send("scanner.1", Dismiss(reason="deleted")),)


def test_a_lane_with_items_stays_held(make_scanner):
    lane = step(make_scanner(size=2), LaneRemoved(SCANNER, "deleted", 9.0)).state.lane(SCANNER)
    assert (lane.condition, lane.reason, lane.autostart) == ("held", "deleted", False)


def test_a_lane_with_an_active_item_is_removed_by_force_only(scanning, refuse, find_finish):
    refusal = refuse(scanning, LaneRemoved(SCANNER, "deleted", 9.0))
    assert isinstance(refusal, StateError)
    assert refusal.details == {"item_uid": "item"}
    # Nothing else is in the queue, but the copy will be.
    scanning = scanning.with_lane(replace(scanning.lane(SCANNER), size=0))
    outcome = step(scanning, LaneRemoved(SCANNER, "deleted", 9.0, is_forced=True))
    finish = find_finish(outcome)
    assert (finish.result.outcome, finish.copy) == ("unknown", "held")
    lane = outcome.state.lane(SCANNER)
    assert (lane.attempt, lane.condition, lane.reason) == (None, "held", "deleted")


def test_a_lane_of_the_settings_is_not_removed(make_scanner, refuse):
    assert "settings" in str(refuse(make_scanner(), LaneRemoved("default", "deleted", 9.0)))


def test_whoever_connects_is_welcome_and_the_queue_starts(make_scanner):
    outcome = step(make_scanner(size=1), hello())
    worker = outcome.state.lane(SCANNER).worker
    assert (worker.environment, worker.incarnation, worker.connected) == ("open", "scanner.1", True)
    assert outcome.effects == (Send("scanner.1", Welcome(epoch=1)), ClaimNext(SCANNER))


def test_a_worker_that_is_not_ready_gets_no_item_before_it_is(make_scanner):
    outcome = step(make_scanner(size=1), hello(environment="loading"))
    assert outcome.state.lane(SCANNER).worker.wait.what == "the device to be ready"
    assert ClaimNext(SCANNER) not in outcome.effects
    outcome = step(outcome.state, WorkerReported(SCANNER, "scanner.1", EnvironmentOpened(number=1), 160.0))
    assert outcome.effects == (ClaimNext(SCANNER),)


def test_the_newest_connection_has_the_lane_and_what_ran_on_the_older_one_is_unknown(scanning, find_finish):
    outcome = step(scanning, hello(2))
    finish = find_finish(outcome)
    assert (finish.key, finish.result.outcome, finish.copy) == (KEY, "unknown", "held")
    assert "newer connection" in finish.result.message
    lane = outcome.state.lane(SCANNER)
    assert (lane.worker.incarnation, lane.condition, lane.attempt) == ("scanner.2", "held", None)
    sent = [effect for effect in outcome.effects if isinstance(effect, Send)]
    assert [(each.incarnation, type(each.message)) for each in sent] == [("scanner.1", Dismiss), ("scanner.2", Welcome)]
    assert ClaimNext(SCANNER) not in outcome.effects


def test_a_scan_that_goes_on_is_adopted_on_the_new_connection(scanning):
    outcome = step(scanning, hello(2, KEY))
    lane = outcome.state.lane(SCANNER)
    assert (lane.worker.incarnation, lane.attempt.key, lane.queue) == ("scanner.2", KEY, "running")
    assert not [effect for effect in outcome.effects if isinstance(effect, FinishAttempt)]


def test_the_same_worker_on_a_new_connection_stays_what_it_was(scanning):
    lane = step(scanning, hello(1, KEY)).state.lane(SCANNER)
    assert lane.attempt == scanning.lane(SCANNER).attempt


def test_reports_of_the_connection_before_are_late(scanning, refuse):
    state = step(scanning, hello(2, KEY)).state
    message = ItemFinished(number=1, attempt=KEY, outcome="failed", time_start=1.0, time_stop=2.0)
    assert "late" in str(refuse(state, WorkerReported(SCANNER, "scanner.1", message, 160.0)))


def test_a_device_that_disconnects_in_order_leaves_its_queue_ready(make_scanner):
    state = make_scanner("open", size=0)
    lane = step(state, WorkerReported(SCANNER, "scanner.1", EnvironmentClosed(number=1), 160.0)).state.lane(SCANNER)
    assert (lane.worker.environment, lane.worker.incarnation, lane.autostart) == ("closed", "", True)


def test_a_device_that_cannot_become_ready_is_gone_at_once(make_scanner):
    state = step(make_scanner(), hello(environment="loading")).state
    lane = step(state, WorkerReported(SCANNER, "scanner.1", EnvironmentFailed(number=1, message="no magnet"), 9.0))
    worker = lane.state.lane(SCANNER).worker
    assert (worker.environment, worker.failure) == ("closed", "The worker ended: no magnet")


def test_a_device_that_is_gone_leaves_an_unknown_scan_and_a_held_lane(scanning, find_finish):
    outcome = step(scanning, WorkerExited(SCANNER, "scanner.1", "nothing was heard of it for 60 s", 200.0))
    assert find_finish(outcome).result.outcome == "unknown"
    assert outcome.state.lane(SCANNER).condition == "held"


def test_a_released_lane_goes_on_by_itself(make_scanner):
    state = make_scanner("open", condition="held", reason="attempt 1 ended as failed", autostart=False, size=1)
    outcome = step(state, HoldReleased(SCANNER))
    assert outcome.state.lane(SCANNER).autostart
    assert outcome.effects == (ClaimNext(SCANNER),)


def test_a_person_gives_a_scan_up_and_its_outcome_is_unknown(scanning, find_finish):
    state = step(scanning, EnvironmentDestroyRequested(SCANNER, 190.0)).state
    outcome = step(state, WorkerExited(SCANNER, "scanner.1", "it was given up", 191.0))
    result = find_finish(outcome).result
    assert result.outcome == "unknown"
    assert "it was given up" in result.message


@pytest.mark.parametrize(
    "event",
    [EnvironmentOpenRequested(SCANNER, "w", 1.0), EnvironmentCloseRequested(SCANNER, 1.0)],
    ids=["open", "close"],
)
def test_an_environment_is_neither_opened_nor_closed_from_here(make_scanner, refuse, event):
    for environment in ("closed", "open"):
        assert "connects by itself" in str(refuse(make_scanner(environment), event))


def test_a_queue_whose_device_is_away_says_so(make_scanner, refuse):
    assert "device of the lane 'scanner' is not connected" in str(refuse(make_scanner(), QueueStartRequested(SCANNER)))


def test_a_manager_that_stops_does_not_wait_for_devices(scanning):
    state = step(scanning, StopRequested("close_idle", 300.0)).state
    assert state.phase == "stopped"
    assert state.lane(SCANNER) == scanning.lane(SCANNER)
