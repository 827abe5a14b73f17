"""An order to end a plan whose worker does not answer: abort, halt, the end of the process, each after its deadline."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.core.effects import KillWorker, Remind, Send
from queue_server.core.events import ContinueRequested, OrderDeadlinePassed, WorkerAnswering
from queue_server.core.machine import step
from queue_server.core.rules_ladder import PATIENCE_S
from queue_server.protocol.worker_link import Continue, OrderRefused

LANE, INCARNATION = "default", "the worker"


@pytest.fixture
def hung(make_running):
    """A state in which a plan runs whose worker has fallen silent."""
    return step(make_running(), WorkerAnswering(LANE, INCARNATION, answering=False, at=7.0)).state


@pytest.fixture
def aborted(hung):
    """What follows from an abort of it."""
    return step(hung, ContinueRequested(LANE, "abort", 10.0))


def order_in(state):
    """The order that the open attempt is under, and since when."""
    attempt = state.lane(LANE).attempt
    assert attempt is not None
    return attempt.order, attempt.order_since


def deadline_in(outcome):
    [remind] = [effect for effect in outcome.effects if isinstance(effect, Remind)]
    assert remind.after_s == PATIENCE_S
    assert isinstance(remind.event, OrderDeadlinePassed)
    return replace(remind.event, at=20.0)


def test_the_abort_of_a_plan_that_hangs_is_sent_and_has_a_deadline(aborted, key):
    assert order_in(aborted.state) == ("abort", 10.0)
    [send] = [effect for effect in aborted.effects if isinstance(effect, Send)]
    assert send == Send(INCARNATION, Continue(attempt=key, option="abort"))
    assert deadline_in(aborted) == OrderDeadlinePassed(LANE, key, "abort", 10.0, 20.0)


def test_an_abort_that_is_not_obeyed_becomes_a_halt_and_then_the_end_of_the_worker(aborted):
    halted = step(aborted.state, deadline_in(aborted))
    assert order_in(halted.state) == ("halt", 20.0)
    killed = step(halted.state, deadline_in(halted))
    assert killed.effects == (KillWorker(LANE, INCARNATION),)


@pytest.mark.parametrize("order", ["resume", "stop"])
def test_a_plan_that_hangs_can_be_aborted_or_halted_and_nothing_else(hung, refuse, order):
    assert "not paused" in str(refuse(hung, ContinueRequested(LANE, order, 10.0)))


def test_a_plan_that_runs_well_must_be_paused_first(make_running, refuse):
    assert "not paused" in str(refuse(make_running(), ContinueRequested(LANE, "abort", 10.0)))


def test_a_worker_that_answers_again_is_not_killed(aborted):
    state = step(aborted.state, WorkerAnswering(LANE, INCARNATION, answering=True)).state
    assert step(state, deadline_in(aborted)).effects == ()


def test_a_worker_that_answers_while_it_cleans_up_has_no_deadline(make_running):
    outcome = step(make_running("paused"), ContinueRequested(LANE, "abort", 10.0))
    assert [effect for effect in outcome.effects if isinstance(effect, Remind)] == []


def test_a_worker_that_falls_silent_over_an_abort_has_a_deadline(make_running):
    cleaning = step(make_running("paused"), ContinueRequested(LANE, "abort", 10.0)).state
    silent = step(cleaning, WorkerAnswering(LANE, INCARNATION, answering=False, at=12.0))
    assert deadline_in(silent).order == "abort"


def test_the_deadline_of_an_order_that_was_replaced_changes_nothing(aborted):
    halted = step(aborted.state, deadline_in(aborted))
    assert step(halted.state, deadline_in(aborted)).effects == ()


def test_the_deadline_of_another_attempt_or_lane_changes_nothing(aborted, late_key):
    event = deadline_in(aborted)
    assert step(aborted.state, replace(event, key=late_key)).effects == ()
    assert step(aborted.state, replace(event, lane="nowhere")).effects == ()


def test_a_refusal_of_a_worker_that_does_not_go_on_does_not_stop_the_ladder(aborted, tell, key):
    refused = tell(aborted.state, OrderRefused(number=1, attempt=key, order="abort", message="not paused"))
    assert order_in(step(refused.state, deadline_in(aborted)).state) == ("halt", 20.0)


def test_an_order_that_was_refused_is_forgotten_once_the_worker_answers(aborted, tell, key):
    refused = tell(aborted.state, OrderRefused(number=1, attempt=key, order="abort", message="not paused"))
    again = step(refused.state, WorkerAnswering(LANE, INCARNATION, answering=True))
    assert order_in(again.state)[0] is None
    assert again.state.lane(LANE).worker.silent_since is None
