"""Control of the running plan: pause now or at a checkpoint, go on, or end it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from queue_server.core import machine
from queue_server.core.effects import Remind, Send
from queue_server.core.events import (
    CancelRequested,
    ContinueRequested,
    EstopRequested,
    PauseRequested,
    WorkerAnswering,
    WorkerConnected,
)
from queue_server.protocol.worker_link import Continue, Hello, OrderRefused, Pause, REStateChanged

# Without types: a test knows where an attempt is open.
step: Any = machine.step

LANE = "default"
INCARNATION = "the worker"
DEFERRED = PauseRequested(LANE, "deferred", 20.0)
IMMEDIATE = PauseRequested(LANE, "immediate", 21.0)
RESUME = ContinueRequested(LANE, "resume", 22.0)


def enter(re_state):
    return REStateChanged(number=1, re_state=re_state)


def order_of(state):
    attempt = state.lane(LANE).attempt
    return attempt.order, attempt.order_sent


@pytest.mark.parametrize("event", [DEFERRED, IMMEDIATE])
def test_a_running_plan_is_told_to_pause_at_once(make_running, key, event):
    outcome = step(make_running(), event)
    assert outcome.effects == (Send(INCARNATION, Pause(attempt=key, option=event.option)),)
    assert order_of(outcome.state) == (f"pause_{event.option}", True)
    assert outcome.state.lane(LANE).attempt.order_since == event.at


@pytest.mark.parametrize("re_state", ["idle", "suspending", "pausing", None])
def test_an_order_to_pause_waits_for_the_run_engine(make_running, tell, key, re_state):
    waiting = step(make_running(re_state), DEFERRED)
    assert (waiting.effects, order_of(waiting.state)) == ((), ("pause_deferred", False))
    running = tell(waiting.state, enter("running"))
    assert running.effects == (Send(INCARNATION, Pause(attempt=key, option="deferred")),)
    assert order_of(running.state) == ("pause_deferred", True)


def test_an_order_to_pause_is_sent_once(make_running, tell):
    sent = step(make_running(), DEFERRED).state
    suspended = tell(sent, enter("suspending")).state
    assert tell(suspended, enter("running")).effects == ()


def test_a_deferred_pause_can_be_made_immediate(make_running, key):
    deferred = step(make_running(), DEFERRED).state
    outcome = step(deferred, IMMEDIATE)
    assert outcome.effects == (Send(INCARNATION, Pause(attempt=key, option="immediate")),)
    assert order_of(outcome.state) == ("pause_immediate", True)


def test_a_pause_is_met_when_the_plan_is_paused(make_running, tell):
    asked = step(make_running(), DEFERRED).state
    assert order_of(tell(asked, enter("pausing")).state) == ("pause_deferred", True)
    assert order_of(tell(asked, enter("paused")).state)[0] is None


def test_a_plan_that_is_paused_is_not_paused_again(make_running, refuse):
    assert "paused already" in str(refuse(make_running("paused"), DEFERRED))


@pytest.mark.parametrize("order", ["resume", "stop", "abort", "halt"])
def test_a_plan_that_is_about_to_do_something_else_is_not_paused(make_running, refuse, order):
    state = make_running("paused", order=order, order_sent=True)
    assert f"about to {order}" in str(refuse(state, DEFERRED))


def test_without_a_plan_there_is_nothing_to_pause(make_state, make_lane, refuse):
    assert "No plan is running" in str(refuse(make_state(make_lane()), DEFERRED))


def test_without_an_environment_there_is_nothing_to_pause(make_state, refuse):
    assert "Environment does not exist" in str(refuse(make_state(), DEFERRED))


def test_run_control_does_not_wait_for_recovery(make_running):
    assert step(make_running(phase="recovering"), IMMEDIATE).effects
    assert step(make_running("paused", phase="recovering"), RESUME).effects


@pytest.mark.parametrize("order", ["resume", "stop", "abort", "halt"])
def test_a_paused_plan_goes_on_or_ends_as_ordered(make_running, key, order):
    outcome = step(make_running("paused"), ContinueRequested(LANE, order, 22.0))
    assert outcome.effects == (Send(INCARNATION, Continue(attempt=key, option=order)),)
    assert order_of(outcome.state) == (order, True)


def test_a_plan_is_told_only_once_to_go_on(make_running, refuse):
    resumed = step(make_running("paused"), RESUME).state
    assert "not paused" in str(refuse(resumed, RESUME))


@pytest.mark.parametrize("re_state", ["running", "idle", "aborting"])
def test_an_order_to_go_on_is_met_when_the_plan_leaves_the_pause(make_running, tell, re_state):
    resumed = step(make_running("paused"), RESUME).state
    assert order_of(tell(resumed, enter("paused")).state)[0] == "resume"
    assert order_of(tell(resumed, enter(re_state)).state)[0] is None


@pytest.mark.parametrize("re_state", ["running", "idle", None])
def test_only_a_paused_plan_goes_on(make_running, refuse, re_state):
    error = refuse(make_running(re_state), RESUME)
    assert "current state is 'executing_queue'" in str(error)
    assert "re_pause" in str(error)


def test_a_plan_that_is_about_to_pause_does_not_go_on_yet(make_running, refuse):
    state = make_running("paused", order="pause_deferred")
    assert "not paused" in str(refuse(state, RESUME))


def test_without_a_plan_nothing_goes_on(make_state, make_lane, refuse):
    assert "current state is 'idle'" in str(refuse(make_state(make_lane(worker={"re_state": "paused"})), RESUME))


def test_without_an_environment_nothing_goes_on(make_state, refuse):
    assert "Environment does not exist" in str(refuse(make_state(), RESUME))


@pytest.mark.parametrize("environment", ["closing", "destroying"])
def test_a_plan_whose_worker_is_being_ended_does_not_go_on(make_running, refuse, environment):
    """It could move hardware for the last moment before the worker is gone."""
    assert environment in str(refuse(make_running("paused", environment=environment), RESUME))


# --- refused by the worker ----------------------------------------------------------------------------------------


def test_a_pause_that_the_worker_refused_waits_for_the_run_engine(make_running, tell, key):
    asked = step(make_running(), DEFERRED).state
    refused = tell(asked, OrderRefused(number=1, attempt=key, order="pause", message="not now"))
    assert (refused.effects, order_of(refused.state)) == ((), ("pause_deferred", False))
    assert tell(refused.state, enter("running")).effects == (Send(INCARNATION, Pause(attempt=key, option="deferred")),)


def test_a_refused_order_to_go_on_shows_the_plan_paused_again(make_running, tell, key):
    asked = step(make_running("paused"), RESUME).state
    refused = tell(asked, OrderRefused(number=1, attempt=key, order="resume", message="not now"))
    assert order_of(refused.state)[0] is None


@pytest.mark.parametrize(
    ("order", "refused"), [("resume", "pause"), ("resume", "abort"), (None, "pause"), (None, "stop")]
)
def test_the_refusal_of_an_earlier_order_changes_nothing(make_running, tell, key, order, refused):
    state = make_running("paused", order=order, order_sent=order is not None)
    message = OrderRefused(number=1, attempt=key, order=refused, message="not now")
    assert tell(state, message).state == state


@pytest.mark.parametrize("order", ["stop", "abort", "halt"])
def test_a_processing_graph_is_ended_without_a_pause(make_running, key, order):
    outcome = step(make_running("computing"), ContinueRequested(LANE, order, 30.0))
    assert outcome.effects == (Send(INCARNATION, Continue(attempt=key, option=order)),)
    assert order_of(outcome.state) == (order, True)


def test_a_processing_graph_is_ended_although_a_pause_was_ordered_before_it_began(make_running, tell, key):
    waiting = step(make_running("idle"), DEFERRED).state
    begun = tell(waiting, enter("computing")).state
    outcome = step(begun, ContinueRequested(LANE, "abort", 30.0))
    assert outcome.effects == (Send(INCARNATION, Continue(attempt=key, option="abort")),)


def test_a_processing_graph_cannot_be_paused_and_is_ended_once(make_running, refuse):
    running = make_running("computing")
    assert "cannot be paused" in refuse(running, IMMEDIATE).message
    assert "not paused" in refuse(running, RESUME).message
    ending = step(running, ContinueRequested(LANE, "stop", 30.0)).state
    assert "about to stop" in refuse(ending, ContinueRequested(LANE, "abort", 31.0)).message


# --- orders for one item -----------------------------------------------------------------------------------------

CANCEL = CancelRequested(LANE, "item", "wrong sample", 40.0)


def hello(key, re_state):
    return WorkerConnected(
        Hello(
            lane=LANE, incarnation=INCARNATION, pid=1, environment="open", re_state=re_state, attempt=key, next_report=1
        )
    )


def of(event, item_uid):
    return replace(event, item_uid=item_uid)


@pytest.mark.parametrize("event", [IMMEDIATE, DEFERRED])
def test_a_pause_of_an_item_is_ordered_while_it_runs_and_refused_once_another_one_does(make_running, refuse, event):
    assert step(make_running(), of(event, "item")).effects == step(make_running(), event).effects
    refused = refuse(make_running(), of(event, "other"))
    assert "'other' does not run" in refused.message
    assert refused.details == {"lane": LANE, "running_item_uid": "item"}


@pytest.mark.parametrize("order", ["resume", "stop", "abort", "halt"])
def test_an_order_for_a_paused_item_is_refused_once_another_one_runs(make_running, refuse, order):
    event = ContinueRequested(LANE, order, 22.0)
    assert step(make_running("paused"), of(event, "item")).effects == step(make_running("paused"), event).effects
    assert "'other' does not run" in refuse(make_running("paused"), of(event, "other")).message


def test_an_order_for_an_item_is_refused_where_none_runs(make_lane, make_state, refuse):
    idle = make_state(make_lane())
    for event in (of(IMMEDIATE, "item"), of(RESUME, "item"), CANCEL):
        assert "no item does" in refuse(idle, event).message


# --- cancelling --------------------------------------------------------------------------------------------------


def test_a_running_item_that_is_cancelled_is_paused_at_once_and_then_aborted(make_running, tell, key):
    cancelled = step(make_running(), CANCEL)
    assert cancelled.effects == (Send(INCARNATION, Pause(attempt=key, option="immediate")),)
    assert order_of(cancelled.state) == ("pause_immediate", True)
    paused = tell(cancelled.state, enter("paused"))
    assert paused.effects == (Send(INCARNATION, Continue(attempt=key, option="abort")),)
    assert order_of(paused.state) == ("abort", True)


@pytest.mark.parametrize("re_state", ["paused", "computing"])
def test_what_can_be_ended_is_aborted_without_a_pause(make_running, key, re_state):
    cancelled = step(make_running(re_state), CANCEL)
    assert cancelled.effects == (Send(INCARNATION, Continue(attempt=key, option="abort")),)
    assert order_of(cancelled.state) == ("abort", True)


def test_a_worker_that_does_not_answer_is_driven_on(make_running, key):
    hung = step(make_running(), WorkerAnswering(LANE, INCARNATION, answering=False, at=1.0)).state
    cancelled = step(hung, CANCEL)
    assert Send(INCARNATION, Continue(attempt=key, option="abort")) in cancelled.effects
    assert any(isinstance(effect, Remind) for effect in cancelled.effects)


def test_a_pause_at_a_checkpoint_becomes_one_at_once(make_running, key):
    deferred = step(make_running(), DEFERRED).state
    assert step(deferred, CANCEL).effects == (Send(INCARNATION, Pause(attempt=key, option="immediate")),)


def test_where_the_run_engine_has_not_begun_the_pause_waits_for_it(make_running, tell, key):
    cancelled = step(make_running("idle"), CANCEL)
    assert cancelled.effects == ()
    running = tell(cancelled.state, enter("running"))
    assert running.effects == (Send(INCARNATION, Pause(attempt=key, option="immediate")),)


@pytest.mark.parametrize("outcome", ["aborted", "halted"])
def test_a_cancelled_item_ends_with_the_reason_and_without_a_copy(
    make_running, tell, make_finish, find_finish, outcome
):
    aborting = tell(step(make_running(), CANCEL).state, enter("paused")).state
    finish = find_finish(tell(aborting, make_finish(outcome)))
    assert (finish.copy, finish.result.outcome, finish.result.message) == ("none", outcome, "wrong sample")


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_a_cancelled_item_that_ends_before_keeps_its_outcome_and_stops_the_queue(
    make_running, tell, make_finish, find_finish, outcome
):
    cancelled = step(make_running(lane={"loop": True}), CANCEL).state
    ended = tell(cancelled, make_finish(outcome))
    finish = find_finish(ended)
    assert (finish.copy, finish.result.outcome, finish.result.message) == ("none", outcome, "")
    assert ended.state.lane(LANE).queue == "stopped"


def test_a_cancelled_item_whose_outcome_nobody_knows_is_held_for_a_person(make_running, tell, make_finish, find_finish):
    finish = find_finish(tell(step(make_running(), CANCEL).state, make_finish("unknown")))
    assert finish.copy == "held"


def test_whoever_resumes_a_cancelled_plan_takes_the_cancellation_back(make_running, tell):
    aborting = tell(step(make_running(), CANCEL).state, enter("paused")).state
    refused = tell(aborting, OrderRefused(number=1, attempt=aborting.lane(LANE).attempt.key, order="abort", message=""))
    assert refused.state.lane(LANE).attempt.cancellation == ""
    resumed = step(refused.state, RESUME).state
    assert tell(resumed, enter("running")).effects == ()
    assert tell(tell(resumed, enter("running")).state, enter("paused")).effects == ()


def test_a_connection_that_was_lost_takes_nothing_of_a_cancellation_along(make_running, key):
    cancelled = step(make_running(), CANCEL).state
    again = step(cancelled, hello(key, "running"))
    assert Send(INCARNATION, Pause(attempt=key, option="immediate")) in again.effects
    paused = step(cancelled, hello(key, "paused"))
    assert Send(INCARNATION, Continue(attempt=key, option="abort")) in paused.effects


def test_a_cancelled_item_is_neither_cancelled_nor_paused_again(make_running, refuse):
    cancelled = step(make_running(), CANCEL).state
    assert "is being cancelled" in refuse(cancelled, CANCEL).message
    assert "being cancelled" in refuse(cancelled, IMMEDIATE).message


@pytest.mark.parametrize("order", ["resume", "stop", "abort", "halt"])
def test_what_goes_on_or_ends_just_now_is_not_cancelled(make_running, refuse, order):
    begun = step(make_running("paused"), ContinueRequested(LANE, order, 22.0)).state
    assert f"about to {order}" in refuse(begun, CANCEL).message


def test_an_emergency_stop_takes_the_place_of_a_cancellation(make_running, refuse):
    stopped = step(step(make_running(), CANCEL).state, EstopRequested(LANE, "somebody", "smoke", 50.0)).state
    assert stopped.lane(LANE).attempt.cancellation == ""
    assert "emergency stop" in refuse(stopped, CANCEL).message


def test_a_scan_on_a_remote_scanner_is_not_cancelled_from_here(make_running, refuse):
    assert "remote scanner" in refuse(make_running(lane={"is_remote": True}), CANCEL).message
