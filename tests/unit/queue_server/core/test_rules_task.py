"""Tasks: one at a time in the foreground, any number beside it, and an honest end for each."""

from __future__ import annotations

import pytest

from queue_server.core.effects import FinishTask, RecordTask, Send
from queue_server.core.events import TaskRequested, WorkerConnected, WorkerExited, WorkerReported
from queue_server.core.machine import step
from queue_server.core.rules_task import MOST_TASKS
from queue_server.core.view import status_of
from queue_server.protocol.errors import RefusedError, StateError
from queue_server.protocol.tasks import Task
from queue_server.protocol.worker_link import Hello, RunTask, TaskFinished

LANE = "default"
INCARNATION = "the worker"
INSTANCE = "6f8a4d9e-53b0-4c5e-9a53-0c34f6a1f1aa"


@pytest.fixture
def make_task():
    def build(uid="t1", *, in_background=False):
        return Task(uid, LANE, "function", in_background, 5.0, {"name": "move_shutter"})

    return build


@pytest.fixture
def opened(make_lane, make_state):
    return make_state(make_lane())


def finish(uid, **changes):
    message = TaskFinished(number=1, task_uid=uid, success=True, time_start=5.0, time_stop=6.0, **changes)
    return WorkerReported(LANE, INCARNATION, message, 7.0)


def hello(*tasks):
    return Hello(
        lane=LANE, incarnation=INCARNATION, pid=1, environment="open", re_state="idle", tasks=tasks, next_report=1
    )


def look(state):
    return status_of(state, INSTANCE, "RE Manager v1")


def test_a_task_is_recorded_before_it_is_sent(opened, make_task):
    outcome = step(opened, TaskRequested(make_task()))
    recorded, sent = outcome.effects
    assert recorded == RecordTask(make_task())
    assert isinstance(sent, Send)
    assert isinstance(sent.message, RunTask)
    assert sent.message.content == {"name": "move_shutter"}


def test_a_task_in_the_foreground_makes_the_manager_busy(opened, make_task):
    state = step(opened, TaskRequested(make_task())).state
    assert look(state)["manager_state"] == "executing_task"
    assert look(state)["worker_environment_state"] == "executing_task"


def test_a_task_in_the_background_is_counted_and_disturbs_nothing(opened, make_task):
    state = step(opened, TaskRequested(make_task(in_background=True))).state
    assert look(state)["manager_state"] == "idle"
    assert look(state)["worker_background_tasks"] == 1


def test_a_second_task_in_the_foreground_is_refused(opened, make_task):
    state = step(opened, TaskRequested(make_task())).state
    with pytest.raises(StateError, match="idle"):
        step(state, TaskRequested(make_task("t2")))


def test_a_task_in_the_foreground_is_refused_while_a_plan_runs(make_running, make_task):
    with pytest.raises(StateError, match="idle"):
        step(make_running(), TaskRequested(make_task()))


def test_a_task_in_the_background_is_accepted_while_a_plan_runs(make_running, make_task):
    assert step(make_running(), TaskRequested(make_task(in_background=True))).effects


def test_a_task_without_an_environment_is_refused(make_state, make_task):
    with pytest.raises(StateError, match="open it first"):
        step(make_state(), TaskRequested(make_task()))


def test_too_many_tasks_are_refused(opened, make_task):
    state = opened
    for number in range(MOST_TASKS):
        state = step(state, TaskRequested(make_task(f"t{number}", in_background=True))).state
    with pytest.raises(RefusedError, match="at most"):
        step(state, TaskRequested(make_task("one more", in_background=True)))


def test_the_end_of_a_task_is_recorded_and_its_uid_changes(opened, make_task):
    state = step(opened, TaskRequested(make_task())).state
    outcome = step(state, finish("t1", return_value=3))
    (ended,) = outcome.effects
    assert isinstance(ended, FinishTask)
    assert (ended.uid, ended.result.success, ended.result.return_value) == ("t1", True, 3)
    assert look(outcome.state)["manager_state"] == "idle"
    assert look(outcome.state)["task_results_uid"] != look(state)["task_results_uid"]


def test_the_end_of_an_unknown_task_is_late(opened):
    with pytest.raises(StateError, match="late"):
        step(opened, finish("t9"))


def test_tasks_of_a_worker_that_ends_are_recorded_as_failed(opened, make_task):
    state = step(opened, TaskRequested(make_task())).state
    outcome = step(state, WorkerExited(LANE, INCARNATION, "killed by SIGKILL", 9.0))
    (ended,) = outcome.effects
    assert isinstance(ended, FinishTask)
    assert not ended.result.success
    assert "SIGKILL" in ended.result.message
    assert look(outcome.state)["manager_state"] == "idle"


def test_a_task_that_the_worker_does_not_know_is_lost(opened, make_task):
    state = step(opened, TaskRequested(make_task(in_background=True))).state
    state = step(state, TaskRequested(make_task("t2", in_background=True))).state
    outcome = step(state, WorkerConnected(hello("t2"), 9.0))
    ended = [effect for effect in outcome.effects if isinstance(effect, FinishTask)]
    assert [(each.uid, each.result.success) for each in ended] == [("t1", False)]
    assert look(outcome.state)["worker_background_tasks"] == 1
