"""Environments: opened, closed and destroyed, one circle, and the end of the manager."""

from __future__ import annotations

import pytest

from queue_server.core.effects import EndProcess, KillWorker, Send, StartWorker
from queue_server.core.events import (
    EnvironmentCloseRequested,
    EnvironmentDestroyRequested,
    EnvironmentOpenRequested,
    RecoveryFinished,
    StopRequested,
    WorkerExited,
)
from queue_server.core.machine import step
from queue_server.core.model import Lane, Wait
from queue_server.protocol.errors import NotFoundError, StateError
from queue_server.protocol.worker_link import Close

LANE = "default"
INCARNATION = "the worker"
OPEN = EnvironmentOpenRequested(LANE, "new", 5.0)
CLOSE = EnvironmentCloseRequested(LANE, 5.0)
DESTROY = EnvironmentDestroyRequested(LANE, 5.0)
STOP = StopRequested("close_idle", 5.0)
KILL = StopRequested("kill", 5.0)


def test_a_closed_environment_is_opened_by_starting_a_worker(make_state):
    outcome = step(make_state(), OPEN)
    worker = outcome.state.lane(LANE).worker
    assert outcome.effects == (StartWorker(LANE, "new"),)
    assert (worker.environment, worker.incarnation, worker.connected) == ("opening", "new", False)
    assert worker.wait == Wait("the worker to load the startup code", 5.0)


def test_opening_forgets_why_the_last_worker_failed(make_state, make_lane):
    state = make_state(make_lane("closed", worker={"failure": "it was killed"}))
    assert step(state, OPEN).state.lane(LANE).worker.failure == ""


@pytest.mark.parametrize(
    ("environment", "text"),
    [("opening", "being opened already"), ("open", "already exists"), ("closing", "exists"), ("destroying", "exists")],
)
def test_an_environment_is_not_opened_twice(make_state, make_lane, refuse, environment, text):
    assert text in str(refuse(make_state(make_lane(environment)), OPEN))


def test_an_open_environment_is_closed_by_telling_its_worker(make_state, make_lane):
    outcome = step(make_state(make_lane()), CLOSE)
    worker = outcome.state.lane(LANE).worker
    assert outcome.effects == (Send(INCARNATION, Close()),)
    assert (worker.environment, worker.wait) == ("closing", Wait("the worker to close", 5.0))


@pytest.mark.parametrize(
    ("environment", "text"),
    [("closed", "environment_open"), ("opening", "is opening"), ("closing", "closing"), ("destroying", "destroying")],
)
def test_only_an_open_environment_is_closed(make_state, make_lane, refuse, environment, text):
    assert text in str(refuse(make_state(make_lane(environment)), CLOSE))


def test_an_environment_with_a_plan_is_not_closed(make_running, refuse):
    assert "RE Manager must be in idle state" in str(refuse(make_running(), CLOSE))


@pytest.mark.parametrize("environment", ["opening", "open", "closing", "destroying"])
def test_any_environment_can_be_destroyed(make_state, make_lane, environment):
    outcome = step(make_state(make_lane(environment)), DESTROY)
    worker = outcome.state.lane(LANE).worker
    assert outcome.effects == (KillWorker(LANE, INCARNATION),)
    assert (worker.environment, worker.wait) == ("destroying", Wait("the worker process to end", 5.0))


def test_a_plan_stays_open_until_the_exit_of_its_killed_worker_is_seen(make_running):
    state = make_running()
    assert step(state, DESTROY).state.lane(LANE).attempt == state.lane(LANE).attempt


def test_there_is_nothing_to_destroy_in_a_closed_environment(make_state, refuse):
    assert "does not exist" in str(refuse(make_state(), DESTROY))


@pytest.mark.parametrize("event", [OPEN, CLOSE, DESTROY])
@pytest.mark.parametrize(
    ("phase", "text"), [("recovering", "repeat in a moment"), ("stopping", "is stopping"), ("stopped", "is stopping")]
)
def test_only_a_serving_manager_changes_environments(make_state, make_lane, refuse, event, phase, text):
    assert text in str(refuse(make_state(make_lane(), phase=phase), event))


@pytest.mark.parametrize("event_type", [EnvironmentCloseRequested, EnvironmentDestroyRequested])
def test_a_lane_that_does_not_exist_is_named(make_state, refuse, event_type):
    error = refuse(make_state(), event_type("other", 5.0))
    assert isinstance(error, NotFoundError)
    assert "'other'" in str(error)
    assert "default" in str(error)


def test_a_recovered_manager_serves(make_state):
    assert step(make_state(phase="recovering"), RecoveryFinished()).state.phase == "serving"


@pytest.mark.parametrize("phase", ["serving", "stopping", "stopped"])
def test_recovery_ends_once(make_state, make_lane, phase):
    state = make_state(make_lane("closing"), phase=phase)
    assert step(state, RecoveryFinished()) == step(state, RecoveryFinished())
    assert step(state, RecoveryFinished()).state == state


# --- the end of the manager ---------------------------------------------------------------------------------------


def test_a_manager_without_workers_ends_at_once(make_state):
    outcome = step(make_state(), STOP)
    assert (outcome.state.phase, outcome.effects) == ("stopped", (EndProcess(),))


def test_a_manager_that_is_recovering_can_be_stopped(make_state):
    assert step(make_state(phase="recovering"), STOP).state.phase == "stopped"


def test_a_stopping_manager_closes_idle_environments_and_waits_for_them(make_state, make_lane):
    closing = step(make_state(make_lane()), STOP)
    assert (closing.state.phase, closing.effects) == ("stopping", (Send(INCARNATION, Close()),))
    ended = step(closing.state, WorkerExited(LANE, INCARNATION, "exit code 0", 6.0))
    assert (ended.state.phase, ended.effects) == ("stopped", (EndProcess(),))


def test_a_stopping_manager_leaves_a_busy_worker_to_its_plan(make_running):
    state = make_running()
    outcome = step(state, STOP)
    assert outcome.effects == (EndProcess(),)
    assert outcome.state.lanes == state.lanes


def test_a_stopping_manager_does_not_wait_for_an_idle_worker_that_is_not_connected(make_state, make_lane):
    state = make_state(make_lane(worker={"connected": False}))
    outcome = step(state, STOP)
    assert (outcome.state.lanes, outcome.effects) == (state.lanes, (EndProcess(),))


def test_a_stopping_manager_kills_a_worker_that_still_loads(make_state, make_lane):
    outcome = step(make_state(make_lane("opening")), STOP)
    assert outcome.effects == (KillWorker(LANE, INCARNATION),)
    assert outcome.state.phase == "stopping"


@pytest.mark.parametrize("environment", ["closing", "destroying"])
def test_a_stopping_manager_waits_for_what_is_ending_already(make_state, make_lane, environment):
    state = make_state(make_lane(environment))
    outcome = step(state, STOP)
    assert (outcome.state.phase, outcome.state.lanes, outcome.effects) == ("stopping", state.lanes, ())


def test_a_manager_that_is_to_kill_kills_busy_workers_too(make_running):
    outcome = step(make_running(), KILL)
    assert outcome.effects == (KillWorker(LANE, INCARNATION),)
    assert outcome.state.lane(LANE).worker.environment == "destroying"


def test_every_lane_is_let_go(make_state, make_lane, make_running):
    lanes = (make_lane(name="a"), Lane(name="b"), make_lane("opening", name="c"))
    outcome = step(make_state(*lanes), STOP)
    assert outcome.effects == (Send(INCARNATION, Close()), KillWorker("c", INCARNATION))
    assert [lane.worker.environment for lane in outcome.state.lanes] == ["closing", "closed", "destroying"]


def test_a_worker_that_hangs_while_the_manager_stops_can_be_killed(make_state, make_lane):
    stopping = step(make_state(make_lane()), STOP).state
    outcome = step(stopping, KILL)
    assert outcome.effects == (KillWorker(LANE, INCARNATION),)
    assert outcome.state.phase == "stopping"


def test_a_stopping_manager_is_not_asked_twice(make_state, make_lane, refuse):
    assert isinstance(refuse(make_state(make_lane("closing"), phase="stopping"), STOP), StateError)


@pytest.mark.parametrize("event", [STOP, KILL])
def test_a_stopped_manager_refuses_to_stop(make_state, refuse, event):
    assert "stopping already" in str(refuse(make_state(phase="stopped"), event))
