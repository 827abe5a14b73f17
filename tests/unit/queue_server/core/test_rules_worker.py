"""What workers say and how they end: adopted, believed about their own attempt, and never about another."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from queue_server.core import machine
from queue_server.core.effects import (
    ClaimNext,
    FinishAttempt,
    KillWorker,
    RecordPhase,
    RecordRunClosed,
    RecordRunOpened,
    Redispatch,
    Send,
)
from queue_server.core.events import StopRequested, WorkerAnswering, WorkerConnected, WorkerExited
from queue_server.core.model import Wait, Worker
from queue_server.core.rules_worker import MOST_RUNS
from queue_server.protocol.errors import StateError
from queue_server.protocol.items import OUTCOMES, Run
from queue_server.protocol.worker_link import (
    CatalogPage,
    Close,
    Dismiss,
    EnvironmentClosed,
    EnvironmentFailed,
    EnvironmentOpened,
    EnvironmentUpdated,
    Hello,
    ItemAcknowledged,
    ItemFinished,
    OrderRefused,
    Pause,
    Report,
    REStateChanged,
    RunClosed,
    RunOpened,
    TaskFinished,
    Welcome,
)

# Without types: a test knows where an attempt is open.
step: Any = machine.step

LANE = "default"
INCARNATION = "the worker"
WELCOME = Send(INCARNATION, Welcome(epoch=1))
OPENED = EnvironmentOpened(number=1)
FAILED = EnvironmentFailed(number=1, message="no such module")


def hello(attempt=None, re_state: str | None = "idle", *runs, lane=LANE, incarnation=INCARNATION):
    return WorkerConnected(
        Hello(
            lane=lane,
            incarnation=incarnation,
            pid=1,
            environment="open",
            re_state=re_state,
            attempt=attempt,
            runs=runs,
            next_report=1,
        )
    )


def exited(*finished, incarnation=INCARNATION, at=200.0):
    return WorkerExited(LANE, incarnation, "killed by SIGKILL", at, finished)


def closed_run(uid="r1", scan_id=1):
    return Run(uid, scan_id, is_open=False, exit_status="success")


# --- hello --------------------------------------------------------------------------------------------------------


def test_a_worker_that_was_started_is_welcome(make_state, make_lane):
    state = make_state(make_lane("opening", worker={"connected": False, "re_state": None, "answering": False}))
    outcome = step(state, hello(re_state=None))
    worker = outcome.state.lane(LANE).worker
    assert outcome.effects == (WELCOME,)
    assert (worker.connected, worker.answering, worker.environment) == (True, True, "opening")


def test_what_the_worker_tells_of_its_run_engine_counts(make_running, key):
    assert step(make_running("running"), hello(key, "paused")).state.lane(LANE).worker.re_state == "paused"


def test_a_worker_of_an_unknown_lane_is_dismissed(make_state):
    outcome = step(make_state(), hello(lane="other"))
    assert outcome.state == make_state()
    assert outcome.effects == (Send(INCARNATION, Dismiss(reason="there is no lane 'other'")),)


@pytest.mark.parametrize(("environment", "incarnation"), [("open", "another"), ("closed", INCARNATION), ("closed", "")])
def test_a_worker_that_nobody_expects_is_dismissed(make_state, make_lane, environment, incarnation):
    state = make_state(make_lane(environment))
    outcome = step(state, hello(incarnation=incarnation))
    assert outcome.state == state
    assert outcome.effects == (Send(incarnation, Dismiss(reason="the lane is served by another worker")),)


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ("opening", "the worker to load the startup code"),
        ("closing", "the worker to close"),
        ("destroying", "the worker process to end"),
    ],
)
def test_after_the_hello_to_a_restarted_manager_it_is_said_again_what_is_waited_for(
    make_state, make_lane, environment, what
):
    waits = Wait("the worker to report to the restarted manager", 5.0)
    state = make_state(make_lane(environment, worker={"wait": waits}), phase="recovering")
    assert step(state, hello()).state.lane(LANE).worker.wait == Wait(what, 5.0)


def test_after_the_hello_of_an_open_environment_nothing_is_waited_for(make_state, make_lane):
    waits = Wait("the worker to report to the restarted manager", 5.0)
    state = make_state(make_lane(worker={"wait": waits, "connected": False}), phase="recovering")
    assert step(state, hello()).state.lane(LANE).worker.wait is None


def test_an_order_to_close_is_given_again(make_state, make_lane):
    assert step(make_state(make_lane("closing")), hello()).effects == (WELCOME, Send(INCARNATION, Close()))


def test_an_order_to_kill_is_given_again(make_state, make_lane):
    assert step(make_state(make_lane("destroying")), hello()).effects == (WELCOME, KillWorker(LANE, INCARNATION))


def test_an_item_that_never_arrived_is_dispatched_again(make_running, key):
    state = make_running("idle", phase="serving")
    state = state.with_lane(replace(state.lane(LANE), attempt=replace(state.lane(LANE).attempt, phase="dispatched")))
    assert step(state, hello()).effects == (WELCOME, Redispatch(key))


@pytest.fixture
def make_dispatched(make_running):
    """Build a state in which an item was dispatched and nothing heard of it."""

    def build(*, manager="serving", environment="open", **changes):
        settings = {"phase": "dispatched", "runs": (), **changes}
        attempt_phase = settings.pop("phase")
        state = make_running("idle", phase=manager, environment=environment, **settings)
        lane = state.lane(LANE)
        return state.with_lane(replace(lane, queue="starting", attempt=replace(lane.attempt, phase=attempt_phase)))

    return build


def test_a_worker_with_an_attempt_that_its_lane_does_not_have_is_not_idle(make_state, make_lane, late_key):
    state = step(make_state(make_lane()), hello(late_key, "running")).state
    assert state.lane(LANE).worker.stray == late_key
    assert not state.lane(LANE).is_idle
    again = step(state, hello()).state
    assert again.lane(LANE).is_idle


def test_an_item_waits_for_the_end_of_an_attempt_that_its_lane_does_not_have(make_dispatched, late_key, key, tell):
    state, effects = unpack(step(make_dispatched(), hello(late_key, "running")))
    assert effects == (WELCOME,)
    end = ItemFinished(number=1, attempt=late_key, outcome="completed", time_start=1.0, time_stop=2.0)
    state, effects = unpack(tell(state, end))
    assert effects == (Redispatch(key),)
    assert (state.lane(LANE).worker.stray, state.lane(LANE).attempt.key) == (None, key)


def test_the_welcome_names_the_hello_that_it_answers(make_state, make_lane):
    greeting = WorkerConnected(hello().hello.model_copy(update={"greeting": 5}))
    [effect] = step(make_state(make_lane()), greeting).effects
    assert effect == Send(INCARNATION, Welcome(epoch=1, greeting=5))


def unpack(outcome):
    return outcome.state, outcome.effects


@pytest.mark.parametrize("environment", ["closing", "destroying"])
def test_no_item_is_dispatched_again_to_a_worker_that_is_being_ended(make_dispatched, environment):
    effects = step(make_dispatched(environment=environment), hello()).effects
    assert not any(isinstance(effect, Redispatch) for effect in effects)


@pytest.mark.parametrize("manager", ["stopping", "stopped"])
def test_no_item_is_dispatched_again_by_a_manager_that_stops(make_dispatched, manager):
    assert step(make_dispatched(manager=manager), hello()).effects == (WELCOME,)


def test_a_recovering_manager_dispatches_again_what_never_arrived(make_dispatched, key):
    assert step(make_dispatched(manager="recovering"), hello()).effects == (WELCOME, Redispatch(key))


def test_an_item_that_the_worker_had_confirmed_is_never_dispatched_again(make_running, key):
    """Its end is on its way in the outbox, or the worker will never tell; a person decides then."""
    state = make_running("idle", phase="serving")
    assert step(state, hello()).effects == (WELCOME,)
    assert step(state, hello()).state.lane(LANE).attempt.key == key


def test_an_item_that_the_worker_has_is_not_dispatched_again(make_dispatched, key):
    outcome = step(make_dispatched(), hello(key))
    assert outcome.effects == (WELCOME,)
    assert outcome.state.lane(LANE).attempt.phase == "dispatched"


def test_runs_that_were_opened_while_nobody_listened_are_written(make_dispatched, key):
    outcome = step(make_dispatched(), hello(key, "running", closed_run(), Run("r2", 2)))
    assert outcome.effects == (
        WELCOME,
        RecordPhase(key, "running"),
        RecordRunOpened(key, Run("r1", 1)),
        RecordRunClosed(key, "r1", "success"),
        RecordRunOpened(key, Run("r2", 2)),
    )
    lane = outcome.state.lane(LANE)
    assert (lane.queue, lane.attempt.phase, lane.attempt.runs) == ("running", "running", (closed_run(), Run("r2", 2)))
    assert outcome.state.revisions.runs == 1


def test_the_reports_of_runs_that_the_hello_has_told_change_nothing(make_dispatched, tell, key):
    told = step(make_dispatched(), hello(key, "running", closed_run())).state
    for message in (
        ItemAcknowledged(number=1, attempt=key),
        RunOpened(number=2, attempt=key, run_uid="r1", scan_id=1),
        RunClosed(number=3, attempt=key, run_uid="r1", exit_status="success"),
    ):
        assert tell(told, message).state == told
        assert tell(told, message).effects == ()


def test_runs_that_are_known_already_do_not_change_what_clients_cache(make_running, key):
    state = make_running()
    assert step(state, hello(key, "running", Run("r1", 1))).state.revisions == state.revisions


def test_a_run_whose_end_is_known_is_not_open_again(make_running, key):
    state = make_running(runs=(closed_run(),))
    assert step(state, hello(key, "running", Run("r1", 1))).state.lane(LANE).attempt.runs == (closed_run(),)


def test_known_runs_stay_though_the_hello_leaves_them_out(make_running, key):
    assert step(make_running(), hello(key, "running")).state.lane(LANE).attempt.runs == (Run("r1", 1),)


def test_a_pause_that_is_not_met_yet_is_ordered_again(make_running, key):
    outcome = step(make_running(order="pause_deferred", order_sent=True), hello(key, "running"))
    assert outcome.effects == (WELCOME, Send(INCARNATION, Pause(attempt=key, option="deferred")))
    assert outcome.state.lane(LANE).attempt.order == "pause_deferred"


def test_a_pause_that_waited_for_the_run_engine_still_waits(make_dispatched, key):
    outcome = step(make_dispatched(order="pause_immediate"), hello(key, "idle"))
    attempt = outcome.state.lane(LANE).attempt
    assert (outcome.effects, attempt.order, attempt.order_sent) == ((WELCOME,), "pause_immediate", False)


def test_a_pause_is_met_by_a_hello_that_tells_it(make_running, key):
    outcome = step(make_running(order="pause_deferred", order_sent=True), hello(key, "paused"))
    assert (outcome.effects, outcome.state.lane(LANE).attempt.order) == ((WELCOME,), None)


@pytest.mark.parametrize("re_state", ["paused", "running", "aborting"])
def test_an_order_to_go_on_may_be_lost_and_is_then_given_again_by_a_person(make_running, key, re_state):
    outcome = step(make_running("paused", order="abort", order_sent=True), hello(key, re_state))
    assert (outcome.effects, outcome.state.lane(LANE).attempt.order) == ((WELCOME,), None)


# --- the environment ----------------------------------------------------------------------------------------------


def test_a_worker_that_has_loaded_its_code_opens_the_environment(make_state, make_lane, tell):
    worker = tell(make_state(make_lane("opening")), OPENED).state.lane(LANE).worker
    assert (worker.environment, worker.re_state, worker.wait) == ("open", "idle", None)


@pytest.mark.parametrize("environment", ["open", "closing", "destroying"])
def test_an_environment_opens_once(make_state, make_lane, tell, environment):
    state = make_state(make_lane(environment))
    assert tell(state, OPENED).state == state


@pytest.mark.parametrize("environment", ["opening", "open", "closing"])
def test_a_worker_that_has_failed_is_waited_for(make_state, make_lane, tell, environment):
    worker = tell(make_state(make_lane(environment)), FAILED, at=60.0).state.lane(LANE).worker
    assert (worker.environment, worker.failure) == ("closing", "no such module")
    assert worker.wait == Wait("the worker process to end", 60.0)


def test_a_worker_that_is_being_killed_may_still_tell_why_it_failed(make_state, make_lane, tell):
    state = make_state(make_lane("destroying"))
    worker = tell(state, FAILED).state.lane(LANE).worker
    assert worker == replace(state.lane(LANE).worker, failure="no such module")


@pytest.mark.parametrize(
    "message",
    [CatalogPage(number=1, catalog="plans", first=True, entries={"count": {}}), EnvironmentClosed(number=1)],
)
def test_reports_that_are_not_about_the_state_leave_it_alone(make_running, tell, message):
    state = make_running()
    assert tell(state, message).state == state


@pytest.mark.parametrize(
    "message", [OPENED, FAILED, EnvironmentClosed(number=1), REStateChanged(number=1, re_state="idle")]
)
def test_nobody_speaks_for_a_worker_that_does_not_serve_the_lane(make_state, make_lane, tell, message):
    for state in (make_state(), make_state(make_lane("opening"))):
        with pytest.raises(StateError, match=r"^late"):
            tell(state, message, incarnation="another")


def test_every_report_that_a_worker_can_send_has_a_rule(make_running, make_finish, tell, key):
    messages = [
        CatalogPage(number=1, catalog="plans", first=True, entries={}),
        OPENED,
        FAILED,
        ItemAcknowledged(number=1, attempt=key),
        RunOpened(number=1, attempt=key, run_uid="r2"),
        RunClosed(number=1, attempt=key, run_uid="r1", exit_status="success"),
        REStateChanged(number=1, re_state="paused"),
        OrderRefused(number=1, attempt=key, order="pause", message="not now"),
        make_finish(),
        EnvironmentUpdated(number=1),
        EnvironmentClosed(number=1),
    ]
    messages_about_tasks = {TaskFinished}
    assert {type(message) for message in messages} | messages_about_tasks == set(get_args(Report))
    for message in messages:
        assert tell(make_running(), message)


# --- an attempt, step by step -------------------------------------------------------------------------------------


def test_an_acknowledged_item_makes_the_queue_run(make_dispatched, tell, key):
    outcome = tell(make_dispatched(), ItemAcknowledged(number=1, attempt=key))
    lane = outcome.state.lane(LANE)
    assert outcome.effects == (RecordPhase(key, "acknowledged"),)
    assert (lane.queue, lane.attempt.phase) == ("running", "acknowledged")


def test_the_second_item_of_a_running_queue_leaves_it_running(make_dispatched, tell, key):
    state = make_dispatched()
    state = state.with_lane(replace(state.lane(LANE), queue="running"))
    assert tell(state, ItemAcknowledged(number=1, attempt=key)).state.lane(LANE).queue == "running"


def test_an_attempt_does_not_go_back_to_an_earlier_phase(make_running, tell, key):
    state = make_running()
    outcome = tell(state, ItemAcknowledged(number=1, attempt=key))
    assert (outcome.state, outcome.effects) == (state, ())


def test_the_first_run_makes_an_attempt_running(make_dispatched, tell, key):
    state = make_dispatched(phase="acknowledged")
    outcome = tell(state, RunOpened(number=1, attempt=key, run_uid="r1", scan_id=1))
    assert outcome.effects == (RecordPhase(key, "running"), RecordRunOpened(key, Run("r1", 1)))
    assert outcome.state.lane(LANE).attempt.runs == (Run("r1", 1),)
    assert outcome.state.revisions.runs == state.revisions.runs + 1


def test_further_runs_are_written_in_their_order(make_running, tell, key):
    outcome = tell(make_running(), RunOpened(number=1, attempt=key, run_uid="r2"))
    assert outcome.effects == (RecordRunOpened(key, Run("r2")),)
    assert outcome.state.lane(LANE).attempt.runs == (Run("r1", 1), Run("r2"))


def test_the_end_of_a_run_is_written(make_running, tell, key):
    state = make_running()
    outcome = tell(state, RunClosed(number=1, attempt=key, run_uid="r1", exit_status="success"))
    assert outcome.effects == (RecordRunClosed(key, "r1", "success"),)
    assert outcome.state.lane(LANE).attempt.runs == (closed_run(),)
    assert outcome.state.revisions.runs == state.revisions.runs + 1


def test_what_is_known_of_runs_already_changes_nothing(make_running, tell, key):
    state = make_running(runs=(closed_run(),))
    for message in (
        RunOpened(number=1, attempt=key, run_uid="r1", scan_id=1),
        RunClosed(number=1, attempt=key, run_uid="r1", exit_status="success"),
        RunClosed(number=1, attempt=key, run_uid="never opened", exit_status="success"),
    ):
        outcome = tell(state, message)
        assert (outcome.state, outcome.effects) == (state, ())


def test_reports_about_another_attempt_are_late(make_running, make_finish, tell, late_key):
    state = make_running()
    for message in (
        ItemAcknowledged(number=1, attempt=late_key),
        RunOpened(number=1, attempt=late_key, run_uid="r1"),
        RunClosed(number=1, attempt=late_key, run_uid="r1", exit_status="success"),
        make_finish(attempt=late_key),
    ):
        with pytest.raises(StateError, match=r"^late"):
            tell(state, message)


def test_reports_about_an_attempt_that_has_ended_are_late(make_state, make_lane, make_finish, tell):
    with pytest.raises(StateError, match=r"^late"):
        tell(make_state(make_lane()), make_finish())


# --- the end of an attempt ----------------------------------------------------------------------------------------


def test_the_end_of_an_attempt_is_written_as_the_worker_tells_it(make_running, make_finish, tell, find_finish, key):
    message = make_finish(run_uids=("r1",), scan_ids=(1,), message="done", traceback="none", points=5)
    result = find_finish(tell(make_running(), message)).result
    assert (result.outcome, result.time_start, result.time_stop) == ("completed", 101.0, 109.0)
    assert (result.run_uids, result.scan_ids, result.points) == (("r1",), (1,), 5)
    assert (result.message, result.traceback) == ("done", "none")


def test_a_completed_plan_and_the_claim_of_the_next_are_one_step(make_running, make_finish, tell):
    outcome = tell(make_running(), make_finish())
    assert [type(effect) for effect in outcome.effects] == [FinishAttempt, ClaimNext]
    lane = outcome.state.lane(LANE)
    assert (lane.attempt, lane.queue) == (None, "running")


# The outcome of a plan, and what happens then in each mode of the queue: where the copy goes, and whether it goes on.
ENDINGS = [
    ("completed", {}, "none", True),
    ("completed", {"loop": True}, "back", True),
    ("completed", {"on_failure": "hold"}, "none", True),
    ("stopped", {}, "none", False),
    ("stopped", {"loop": True, "ignore_failures": True}, "back", False),
    ("failed", {}, "front", False),
    ("failed", {"loop": True}, "front", False),
    ("failed", {"on_failure": "hold"}, "held", False),
    ("failed", {"ignore_failures": True}, "none", True),
    ("failed", {"ignore_failures": True, "loop": True}, "back", True),
    ("aborted", {"ignore_failures": True, "loop": True}, "front", False),
    ("halted", {"ignore_failures": True, "loop": True}, "front", False),
    ("aborted", {"on_failure": "hold"}, "held", False),
    ("unknown", {}, "held", False),
    ("unknown", {"ignore_failures": True, "loop": True}, "held", False),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=str)
def test_outcome_and_mode_decide_what_becomes_of_item_and_queue(make_running, make_finish, tell, find_finish, ending):
    outcome, settings, copy, goes_on = ending
    after = tell(make_running(lane=settings), make_finish(outcome))
    lane = after.state.lane(LANE)
    assert find_finish(after).copy == copy
    assert (ClaimNext(LANE) in after.effects) == goes_on
    assert (lane.queue, lane.attempt) == ("running" if goes_on else "stopped", None)
    assert (lane.condition == "held") == (copy == "held")


def test_a_held_lane_says_why(make_running, make_finish, tell, find_finish):
    after = tell(make_running(lane={"on_failure": "hold"}), make_finish("failed", message="limit switch"))
    assert after.state.lane(LANE).reason == "attempt 3 ended as failed: limit switch"
    assert find_finish(after).hold_reason == "attempt 3 ended as failed: limit switch"


def test_a_reason_without_a_message_ends_with_the_outcome(make_running, make_finish, tell):
    assert tell(make_running(), make_finish("unknown")).state.lane(LANE).reason == "attempt 3 ended as unknown"


def test_a_queue_that_is_to_stop_stops_after_the_running_item(make_running, make_finish, tell):
    after = tell(make_running(lane={"stop_pending": True}), make_finish())
    lane = after.state.lane(LANE)
    assert (lane.queue, lane.stop_pending, len(after.effects)) == ("stopped", False, 1)


@pytest.mark.parametrize("order", ["pause_deferred", "pause_immediate"])
def test_a_pause_that_came_too_late_for_the_plan_stops_the_queue(make_running, make_finish, tell, order):
    after = tell(make_running(order=order, order_sent=True), make_finish())
    assert (after.state.lane(LANE).queue, len(after.effects)) == ("stopped", 1)


def test_an_order_to_resume_that_was_not_met_does_not_stop_the_queue(make_running, make_finish, tell):
    assert ClaimNext(LANE) in tell(make_running("paused", order="resume", order_sent=True), make_finish()).effects


@pytest.mark.parametrize("phase", ["stopping", "stopped"])
def test_a_manager_that_stops_begins_no_further_item(make_running, make_finish, tell, phase):
    after = tell(make_running(phase=phase), make_finish())
    assert (after.state.lane(LANE).queue, len(after.effects)) == ("stopped", 1)


@pytest.mark.parametrize("environment", ["closing", "destroying"])
def test_no_item_begins_on_a_worker_that_is_being_ended(make_running, make_finish, tell, environment):
    after = tell(make_running(environment=environment), make_finish())
    assert (after.state.lane(LANE).queue, len(after.effects)) == ("stopped", 1)


def test_a_recovering_manager_goes_on_with_its_queue(make_running, make_finish, tell):
    assert ClaimNext(LANE) in tell(make_running(phase="recovering"), make_finish()).effects


def test_a_queue_that_was_stopped_meanwhile_does_not_go_on(make_running, make_finish, tell):
    assert len(tell(make_running(lane={"queue": "stopped"}), make_finish()).effects) == 1


def test_the_list_of_runs_is_cleared_at_the_end(make_running, make_finish, tell):
    state = make_running()
    assert tell(state, make_finish()).state.revisions.runs == state.revisions.runs + 1


@pytest.mark.parametrize(
    ("outcome", "settings", "stays"),
    [
        ("completed", {}, True),
        ("failed", {"ignore_failures": True}, True),
        ("completed", {"stop_pending": True}, False),
        *((outcome, {}, False) for outcome in OUTCOMES if outcome != "completed"),
    ],
)
def test_what_a_person_or_a_failure_has_stopped_does_not_start_by_itself(
    make_running, make_finish, tell, outcome, settings, stays
):
    after = tell(make_running(lane={"autostart": True, **settings}), make_finish(outcome))
    assert after.state.lane(LANE).autostart == stays
    assert (ClaimNext(LANE) in after.effects) == stays


def test_a_pause_switches_autostart_off_where_it_came_too_late(make_running, make_finish, tell):
    after = tell(make_running(order="pause_deferred", lane={"autostart": True}), make_finish())
    assert after.state.lane(LANE).autostart is False


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_item_that_was_executed_at_once_is_never_put_back(make_running, make_finish, tell, find_finish, outcome):
    after = tell(make_running(is_immediate=True, lane={"loop": True}), make_finish(outcome))
    assert find_finish(after).copy == "none"
    assert after.effects == (find_finish(after),)
    assert after.state.lane(LANE).queue == "stopped"


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_with_autostart_the_queue_starts_after_an_executed_item_only_if_it_went_well(
    make_running, make_finish, tell, outcome
):
    after = tell(make_running(is_immediate=True, lane={"autostart": True}), make_finish(outcome))
    assert (ClaimNext(LANE) in after.effects) == (outcome == "completed")


# --- the end of a worker ------------------------------------------------------------------------------------------


def test_a_worker_that_dies_during_a_plan_leaves_an_unknown_outcome(make_running, find_finish, key):
    after = step(make_running(runs=(closed_run(), Run("r2"))), exited())
    finish, lane = find_finish(after), after.state.lane(LANE)
    assert (finish.key, finish.copy, finish.result.outcome) == (key, "held", "unknown")
    assert (finish.result.run_uids, finish.result.scan_ids) == (("r1", "r2"), (1,))
    assert (finish.result.time_start, finish.result.time_stop) == (100.0, 200.0)
    assert "killed by SIGKILL" in finish.result.message
    assert (lane.queue, lane.condition, lane.attempt) == ("stopped", "held", None)
    assert "SIGKILL" in lane.reason
    assert lane.worker == Worker(failure="The worker ended: killed by SIGKILL")


def test_a_clock_that_was_set_back_gives_no_negative_duration(make_running, find_finish):
    assert find_finish(step(make_running(), exited(at=50.0))).result.time_stop == 100.0


def test_an_unknown_outcome_is_no_success_in_any_mode(make_running, find_finish):
    mode = {"loop": True, "ignore_failures": True, "autostart": True}
    after = step(make_running(lane=mode), exited())
    lane = after.state.lane(LANE)
    assert find_finish(after).copy == "held"
    assert (lane.loop, lane.ignore_failures, lane.autostart) == (True, True, False)
    assert after.effects == (find_finish(after),)


@pytest.mark.parametrize(("policy", "copy"), [("front", "front"), ("hold", "held")])
def test_destroying_an_environment_is_a_failure_of_its_plan(make_running, find_finish, policy, copy):
    state = make_running(environment="destroying", lane={"on_failure": policy, "ignore_failures": True, "loop": True})
    after = step(state, exited())
    finish, lane = find_finish(after), after.state.lane(LANE)
    assert (finish.result.outcome, finish.copy) == ("failed", copy)
    assert finish.result.message == "The environment was destroyed."
    assert (lane.queue, lane.loop, lane.ignore_failures) == ("stopped", True, True)
    assert lane.worker == Worker()


@pytest.mark.parametrize("environment", ["open", "closing", "destroying"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_a_worker_had_written_down_before_it_ended_is_the_truth(
    make_running, make_finish, find_finish, environment, outcome
):
    after = step(make_running(environment=environment), exited(make_finish(outcome)))
    lane = after.state.lane(LANE)
    assert find_finish(after).result.outcome == outcome
    assert after.effects == (find_finish(after),)
    assert (lane.worker.environment, lane.queue, lane.attempt) == ("closed", "stopped", None)


def test_a_record_of_an_earlier_attempt_does_not_count(make_running, make_finish, find_finish, late_key):
    after = step(make_running(), exited(make_finish(attempt=late_key)))
    assert find_finish(after).result.outcome == "unknown"


def test_of_several_records_the_one_of_the_open_attempt_counts(make_running, make_finish, find_finish, late_key):
    records = (make_finish("failed", attempt=late_key), make_finish("aborted"))
    assert find_finish(step(make_running(), exited(*records))).result.outcome == "aborted"


def test_a_record_is_judged_by_the_mode(make_running, make_finish, find_finish):
    state = make_running(lane={"loop": True})
    assert find_finish(step(state, exited(make_finish()))).copy == "back"


def test_an_idle_worker_that_dies_closes_the_environment(make_state, make_lane):
    after = step(make_state(make_lane()), exited())
    assert after.effects == ()
    assert after.state.lane(LANE).worker == Worker(failure="The worker ended: killed by SIGKILL")


@pytest.mark.parametrize(
    ("environment", "failure"), [("closing", ""), ("destroying", ""), ("closing", "no such module")]
)
def test_a_worker_that_was_to_end_has_not_failed_by_ending(make_state, make_lane, environment, failure):
    state = make_state(make_lane(environment, worker={"failure": failure}))
    assert step(state, exited()).state.lane(LANE).worker == Worker(failure=failure)


@pytest.mark.parametrize("environment", ["closed", "open"])
def test_the_exit_of_a_worker_that_does_not_serve_the_lane_changes_nothing(make_state, make_lane, environment):
    state = make_state(make_lane(environment))
    after = step(state, exited(incarnation="another"))
    assert (after.state, after.effects) == (state, ())


def test_a_stopping_manager_ends_with_its_last_worker(make_state, make_lane, make_running):
    state = make_state(make_lane(name="default"), make_lane(name="b", worker={"incarnation": "other worker"}))
    stopping = step(state, StopRequested("close_idle", 5.0)).state
    first = step(stopping, exited())
    assert first.state.phase == "stopping"
    last = step(first.state, WorkerExited("b", "other worker", "exit code 0", 6.0))
    assert last.state.phase == "stopped"


def test_the_plan_of_a_worker_that_was_killed_with_the_manager_is_written_before_the_end(make_running, find_finish):
    stopping = step(make_running(), StopRequested("kill", 5.0)).state
    after = step(stopping, exited())
    assert after.state.phase == "stopped"
    assert find_finish(after).result.outcome == "failed"
    assert isinstance(after.effects[0], FinishAttempt)
    assert len(after.effects) == 2


# --- silence ------------------------------------------------------------------------------------------------------


def test_silence_is_shown_and_ends_nothing(make_running):
    state = make_running()
    silent = step(state, WorkerAnswering(LANE, INCARNATION, answering=False, at=7.0))
    assert silent.effects == ()
    assert silent.state.lane(LANE).worker == replace(state.lane(LANE).worker, answering=False, silent_since=7.0)
    assert step(silent.state, WorkerAnswering(LANE, INCARNATION, answering=True)).state == state


def test_the_silence_of_another_worker_changes_nothing(make_running):
    state = make_running()
    assert step(state, WorkerAnswering(LANE, "another", answering=False)).state == state


@pytest.mark.parametrize(("environment", "stays"), [("open", False), ("destroying", False), ("closing", True)])
def test_autostart_survives_only_an_end_that_was_asked_for_in_order(make_lane, make_state, environment, stays):
    state = make_state(make_lane(environment, autostart=True))
    ended = step(state, WorkerExited(LANE, INCARNATION, "exit code 1", 5.0)).state
    assert ended.lane(LANE).autostart is stays


def test_the_silence_of_a_worker_of_an_unknown_lane_changes_nothing(make_state):
    assert step(make_state(), WorkerAnswering("nowhere", "another", answering=False)).state == make_state()


def test_of_too_many_runs_the_first_are_known_and_still_closed(make_dispatched, tell, key):
    runs = tuple(Run(f"r{number}") for number in range(MOST_RUNS + 5))
    state = step(make_dispatched(), hello(key, "running", *runs)).state
    assert len(state.lane(LANE).attempt.runs) == MOST_RUNS
    outcome = tell(state, RunOpened(number=1, attempt=key, run_uid="one more"))
    assert outcome.effects == ()
    outcome = tell(state, RunClosed(number=1, attempt=key, run_uid="r1", exit_status="success"))
    assert outcome.effects == (RecordRunClosed(key, "r1", "success"),)
