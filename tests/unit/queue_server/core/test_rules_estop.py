"""An emergency stop latches, orders, waits with a deadline for everything, and is released by nobody but a reset."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec.structs import replace

from queue_server.core.effects import KillWorker, Remind, Send
from queue_server.core.events import (
    ContinueRequested,
    EnvironmentOpenRequested,
    EstopDeadlinePassed,
    EstopRecorded,
    EstopReported,
    EstopRequested,
    EstopReset,
    OrdersWithheld,
    TaskRequested,
    WorkerExited,
)
from queue_server.core.machine import step
from queue_server.protocol.stop_limits import StopLimits
from queue_server.protocol.tasks import Task
from queue_server.protocol.worker_link import EmergencyStop, StopReport

LANE, INCARNATION, AT = "default", "the worker", 7.0
LIMITS = StopLimits(0.5, 2.0, 4.0)
STOP = EstopRequested(LANE, "jdoe", "smoke", AT, LIMITS)


def report(order=1):
    return EstopReported(LANE, INCARNATION, StopReport(order=order, stopped=("motor",)))


def deadline(what: Literal["report", "end"] = "end", number=1):
    return EstopDeadlinePassed(LANE, AT, number, what, 20.0)


def latched(state):
    """The emergency stop that the lane is under."""
    estop = state.lane(LANE).estop
    assert estop is not None
    return estop


def sent(effects):
    return [effect.message for effect in effects if isinstance(effect, Send)]


def test_it_latches_orders_the_worker_and_sets_both_deadlines(make_running):
    outcome = step(make_running(lane={"autostart": True}), STOP)
    lane = outcome.state.lane(LANE)
    assert (lane.condition, lane.reason, lane.autostart, lane.size) == ("estopped", "smoke", False, 2)
    estop = latched(outcome.state)
    assert (estop.by, estop.at, estop.answer) == ("jdoe", AT, "awaited")
    assert sent(outcome.effects) == [EmergencyStop(number=1, reason="smoke", devices_s=0.5, halt_after_s=2.0)]
    assert [effect.after_s for effect in outcome.effects if isinstance(effect, Remind)] == [1.0, 4.0]


def test_a_pause_that_was_on_its_way_is_forgotten(make_running):
    lane = step(make_running(order="pause_deferred"), STOP).state.lane(LANE)
    assert lane.attempt is not None
    assert lane.attempt.order is None


def test_a_repeat_orders_it_again_and_keeps_who_was_first(make_running):
    first = step(step(make_running(), STOP).state, report())
    again = step(first.state, EstopRequested(LANE, "another", "again", 9.0, LIMITS))
    assert again.state.lane(LANE).reason == "smoke"
    estop = latched(again.state)
    assert (estop.by, estop.at, estop.answer) == ("jdoe", AT, "awaited")
    assert sent(again.effects) == [EmergencyStop(number=2, reason="smoke", devices_s=0.5, halt_after_s=2.0)]


def test_without_a_worker_there_is_nothing_to_wait_for(make_state, make_lane):
    outcome = step(make_state(make_lane("closed")), STOP)
    assert outcome.effects == ()
    assert latched(outcome.state).answer == "none"


def test_a_worker_that_loads_startup_code_is_killed(make_state, make_lane):
    outcome = step(make_state(make_lane("opening")), STOP)
    assert outcome.effects == (KillWorker(LANE, INCARNATION),)
    assert latched(outcome.state).answer == "killed"


def test_the_report_of_another_order_or_worker_is_late(make_running, refuse):
    state = step(make_running(), STOP).state
    assert str(refuse(state, report(order=2))).startswith("late")
    assert str(refuse(state, replace(report(), incarnation="another"))).startswith("late")
    assert str(refuse(make_running(), report())).startswith("late")


def test_a_worker_that_has_reported_and_is_idle_is_not_killed(make_state, make_lane):
    state = step(step(make_state(make_lane()), STOP).state, report()).state
    assert step(state, deadline()).effects == ()


def test_a_worker_that_still_runs_a_plan_at_the_deadline_is_killed_and_its_plan_has_failed(make_running, find_finish):
    state = step(step(make_running(), STOP).state, report()).state
    killed = step(state, deadline())
    assert killed.effects == (KillWorker(LANE, INCARNATION),)
    assert latched(killed.state).answer == "reported"
    ended = step(killed.state, WorkerExited(LANE, INCARNATION, "SIGKILL", 21.0))
    finish = find_finish(ended)
    assert (finish.result.outcome, finish.copy) == ("failed", "front")
    assert "emergency stop" in finish.result.message
    assert ended.state.lane(LANE).condition == "estopped"


def test_a_worker_that_is_silent_is_shown_so_and_killed(make_state, make_lane):
    silent = step(step(make_state(make_lane()), STOP).state, deadline("report"))
    assert (silent.effects, latched(silent.state).answer) == ((), "silent")
    assert step(silent.state, deadline()).effects == (KillWorker(LANE, INCARNATION),)


def test_the_deadline_of_an_earlier_stop_changes_nothing(make_state, make_lane):
    state = step(make_state(make_lane()), STOP).state
    assert step(state, replace(deadline(), latched_at=1.0)).state == state
    assert step(state, deadline("report", number=9)).state == state
    assert step(make_state(make_lane()), deadline()).effects == ()


def test_the_record_is_noted(make_state, make_lane):
    state = step(make_state(make_lane()), STOP).state
    assert not latched(state).is_recorded
    assert latched(step(state, EstopRecorded(LANE)).state).is_recorded
    assert step(make_state(make_lane()), EstopRecorded(LANE)).state == make_state(make_lane())


def test_a_start_that_never_left_ends_and_comes_back_to_the_front(make_running, key, find_finish):
    state = step(make_running(phase="serving", lane={"queue": "starting"}), STOP).state
    ended = step(state, OrdersWithheld(LANE, key, (), 8.0))
    finish = find_finish(ended)
    assert (finish.result.outcome, finish.copy) == ("aborted", "front")
    assert ended.state.lane(LANE).queue == "stopped"
    assert step(ended.state, OrdersWithheld(LANE, key, (), 8.0)).effects == ()


def test_a_held_copy_does_not_take_the_latch_off(make_running, make_finish, tell):
    state = step(make_running(lane={"on_failure": "hold"}), STOP).state
    assert tell(state, make_finish("aborted")).state.lane(LANE).condition == "estopped"


def test_it_is_not_released_while_it_is_under_way(make_running, refuse):
    assert "under way" in str(refuse(step(make_running(), STOP).state, EstopReset(LANE)))


def test_the_reset_opens_the_lane_and_starts_nothing(make_state, make_lane):
    state = step(step(make_state(make_lane(size=3)), STOP).state, report()).state
    outcome = step(state, EstopReset(LANE))
    lane = outcome.state.lane(LANE)
    assert (lane.condition, lane.reason, lane.estop, lane.autostart, outcome.effects) == ("open", "", None, False, ())
    assert step(outcome.state, EstopReset(LANE)).state == outcome.state


@pytest.mark.parametrize(
    "event",
    [
        EnvironmentOpenRequested(LANE, "next", 1.0),
        TaskRequested(Task("t", LANE, "function", False, 0.0, {})),
        TaskRequested(Task("t", LANE, "script", True, 0.0, {})),
    ],
)
def test_what_could_move_something_is_refused_with_the_way_out(make_state, make_lane, refuse, event):
    environment = "closed" if isinstance(event, EnvironmentOpenRequested) else "open"
    state = step(make_state(make_lane(environment)), STOP).state
    text = str(refuse(state, event))
    assert "smoke" in text
    assert "estop_reset" in text


def test_a_paused_plan_cannot_be_resumed_but_ended(make_running, refuse):
    state = step(make_running("paused"), STOP).state
    assert "estop_reset" in str(refuse(state, ContinueRequested(LANE, "resume", 8.0)))
    assert step(state, ContinueRequested(LANE, "abort", 8.0)).effects != ()


def test_the_lists_may_be_renewed(make_state, make_lane):
    state = step(make_state(make_lane()), STOP).state
    assert step(state, TaskRequested(Task("t", LANE, "update", False, 0.0, {}))).effects != ()


def test_a_report_that_was_heard_is_not_heard_again(make_running, refuse):
    state = step(step(make_running(), STOP).state, report()).state
    assert str(refuse(state, report())).startswith("late")
    again = step(state, STOP).state
    assert latched(step(again, report(order=2)).state).answer == "reported"
