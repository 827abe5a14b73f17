"""Queues: started, stopped, and what the store answers to a claim."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.core.effects import ClaimNext, Dispatch
from queue_server.core.events import (
    AutostartSet,
    CatalogChanged,
    EnvironmentCloseRequested,
    ExecuteRequested,
    HistoryChanged,
    HoldReleased,
    InstructionReached,
    ItemClaimed,
    ModeSet,
    PermissionsChanged,
    QueueChanged,
    QueueExhausted,
    QueueStartRequested,
    QueueStopCancelled,
    QueueStopRequested,
    RecoveryFinished,
)
from queue_server.core.machine import step
from queue_server.core.model import Attempt
from queue_server.protocol.items import AttemptKey, Item
from queue_server.protocol.tasks import Task
from queue_server.protocol.worker_link import EnvironmentOpened

LANE = "default"
START = QueueStartRequested(LANE)
KEY = AttemptKey("item", "submission", LANE, 1, 1)
ITEM = Item("item", LANE, "submission", {"name": "count"})


@pytest.fixture
def starting(make_state, make_lane):
    """A queue that has just asked for its first item."""
    return make_state(make_lane(queue="starting", size=2))


def test_a_started_queue_claims_its_first_item(make_state, make_lane):
    outcome = step(make_state(make_lane(size=2)), START)
    assert outcome.effects == (ClaimNext(LANE),)
    assert outcome.state.lane(LANE).queue == "starting"


def test_an_empty_queue_may_be_started_too(make_state, make_lane):
    assert step(make_state(make_lane()), START).effects == (ClaimNext(LANE),)


def test_a_queue_is_started_though_its_worker_is_not_connected_at_the_moment(make_state, make_lane):
    """What is dispatched meanwhile is asked for again by the next hello."""
    assert step(make_state(make_lane(worker={"connected": False})), START).effects == (ClaimNext(LANE),)


@pytest.mark.parametrize(
    ("environment", "text"),
    [("closed", "environment_open"), ("opening", "opening"), ("closing", "closing"), ("destroying", "destroying")],
)
def test_a_queue_is_started_only_in_an_open_environment(make_state, make_lane, refuse, environment, text):
    assert text in str(refuse(make_state(make_lane(environment)), START))


def test_a_running_queue_is_not_started_again(make_running, starting, refuse):
    assert "running already" in str(refuse(make_running(), START))
    assert "running already" in str(refuse(starting, START))


def test_a_queue_whose_last_attempt_is_still_open_is_not_started(make_running, refuse):
    assert "idle" in str(refuse(make_running(lane={"queue": "stopped"}), START))


def test_a_queue_is_not_started_beside_a_task_in_the_foreground(make_state, make_lane, refuse):
    task = Task("t1", LANE, "function", in_background=False, time_start=1.0)
    for event in (START, ExecuteRequested(LANE)):
        assert "idle" in str(refuse(make_state(make_lane(size=1, tasks=(task,))), event))
    aside = replace(task, in_background=True)
    assert step(make_state(make_lane(size=1, tasks=(aside,))), START).effects == (ClaimNext(LANE),)


@pytest.mark.parametrize("phase", ["recovering", "stopping", "stopped"])
def test_only_a_serving_manager_starts_a_queue(make_state, make_lane, refuse, phase):
    assert "manager is" in str(refuse(make_state(make_lane(), phase=phase), START))


def test_starting_a_held_lane_is_a_decision_of_a_person(make_state, make_lane):
    lane = step(make_state(make_lane(condition="held", reason="unknown")), START).state.lane(LANE)
    assert (lane.condition, lane.reason) == ("open", "")


@pytest.mark.parametrize("event", [START, ExecuteRequested(LANE)])
def test_nothing_starts_after_an_emergency_stop(make_state, make_lane, refuse, event):
    state = make_state(make_lane(condition="estopped", reason="smoke"))
    assert "smoke" in str(refuse(state, event))


# --- what the store answers ---------------------------------------------------------------------------------------


def test_a_claimed_item_is_dispatched_and_leaves_the_queue(starting):
    outcome = step(starting, ItemClaimed(KEY, ITEM, 7.0))
    lane = outcome.state.lane(LANE)
    assert outcome.effects == (Dispatch(KEY, ITEM),)
    assert (lane.attempt, lane.size, lane.queue) == (Attempt(KEY, 7.0), 1, "starting")
    assert outcome.state.revisions.queue == starting.revisions.queue + 1


def test_an_item_is_not_claimed_beside_another(make_running, refuse):
    assert "No item can be started" in str(refuse(make_running(), ItemClaimed(KEY, ITEM, 7.0)))


def test_an_item_is_not_claimed_for_a_stopped_queue(make_state, make_lane, refuse):
    assert "No item can be started" in str(refuse(make_state(make_lane(size=1)), ItemClaimed(KEY, ITEM, 7.0)))


def test_a_queue_without_items_stops(starting):
    lane = step(starting, QueueExhausted(LANE)).state.lane(LANE)
    assert (lane.queue, lane.condition) == ("stopped", "open")


def test_a_queue_stops_before_a_held_item_and_says_why(starting):
    lane = step(starting, QueueExhausted(LANE, "the shutter is stuck")).state.lane(LANE)
    assert (lane.queue, lane.condition, lane.reason) == ("stopped", "held", "the shutter is stuck")


def test_the_instruction_to_stop_stops_the_queue(starting):
    lane = step(starting, InstructionReached(LANE, "queue_stop")).state.lane(LANE)
    assert lane.queue == "stopped"


@pytest.mark.parametrize("answer", [QueueExhausted(LANE), InstructionReached(LANE, "queue_stop")])
def test_a_queue_that_stops_has_met_the_request_to_stop(make_state, make_lane, answer):
    state = make_state(make_lane(queue="running", stop_pending=True))
    assert step(state, answer).state.lane(LANE).stop_pending is False


def test_changes_of_the_queue_are_counted(make_state, make_lane):
    state = make_state(make_lane(size=3))
    added = step(state, QueueChanged(LANE, 2)).state
    moved = step(added, QueueChanged(LANE, 0)).state
    removed = step(moved, QueueChanged(LANE, -4)).state
    assert [each.lane(LANE).size for each in (added, moved, removed)] == [5, 5, 1]
    assert [each.revisions.queue for each in (added, moved, removed)] == [1, 2, 3]


def test_changes_of_the_history_are_counted(make_state):
    longer = step(make_state(history_size=5), HistoryChanged(1)).state
    cleared = step(longer, HistoryChanged(-6)).state
    assert (longer.history_size, longer.revisions.history) == (6, 1)
    assert (cleared.history_size, cleared.revisions.history) == (0, 2)


@pytest.mark.parametrize(
    ("plans", "devices", "raised"),
    [
        (False, False, set()),
        (True, False, {"plans_existing", "plans_allowed"}),
        (False, True, {"devices_existing", "devices_allowed"}),
        (True, True, {"plans_existing", "plans_allowed", "devices_existing", "devices_allowed"}),
    ],
)
def test_lists_of_plans_and_devices_change_by_themselves(make_state, plans, devices, raised):
    revisions = step(make_state(), CatalogChanged(plans=plans, devices=devices)).state.revisions
    names = ("plans_existing", "plans_allowed", "devices_existing", "devices_allowed", "queue", "history", "runs")
    assert {name for name in names if getattr(revisions, name)} == raised


def test_permissions_change_what_is_allowed_and_not_what_exists(make_state):
    revisions = step(make_state(), PermissionsChanged()).state.revisions
    assert (revisions.plans_allowed, revisions.devices_allowed) == (1, 1)
    assert (revisions.plans_existing, revisions.devices_existing) == (0, 0)


# --- stopping and modes -------------------------------------------------------------------------------------------


def test_a_running_queue_remembers_that_it_is_to_stop(make_running):
    asked = step(make_running(), QueueStopRequested(LANE))
    assert (asked.state.lane(LANE).stop_pending, asked.effects) == (True, ())
    assert step(asked.state, QueueStopCancelled(LANE)).state.lane(LANE).stop_pending is False


def test_a_stopped_queue_cannot_be_stopped(make_state, make_lane, refuse):
    assert "not running" in str(refuse(make_state(make_lane()), QueueStopRequested(LANE)))


def test_a_queue_whose_plan_is_paused_cannot_be_stopped(make_running, refuse):
    assert "paused" in str(refuse(make_running("paused"), QueueStopRequested(LANE)))
    assert step(make_running("paused", order="resume"), QueueStopRequested(LANE)).state.lane(LANE).stop_pending is True


def test_taking_a_request_to_stop_back_always_succeeds(make_state):
    assert step(make_state(), QueueStopCancelled(LANE)).state == make_state()


def test_the_mode_can_be_set_at_any_time(make_running):
    lane = step(make_running(), ModeSet(LANE, loop=True, ignore_failures=True)).state.lane(LANE)
    assert (lane.loop, lane.ignore_failures) == (True, True)


# --- autostart ----------------------------------------------------------------------------------------------------


@pytest.fixture
def ready(make_lane):
    """Build a lane that lacks nothing but a cause to start by itself."""

    def build(environment="open", **changes):
        return make_lane(environment, **{"size": 1, "autostart": True, **changes})

    return build


def test_switching_autostart_on_starts_a_queue_that_can_run(make_state, make_lane):
    outcome = step(make_state(make_lane(size=1)), AutostartSet(LANE, is_enabled=True))
    assert (outcome.effects, outcome.state.lane(LANE).queue) == ((ClaimNext(LANE),), "starting")


def test_switching_autostart_off_leaves_a_running_queue_alone(make_running):
    outcome = step(make_running(lane={"autostart": True}), AutostartSet(LANE, is_enabled=False))
    assert (outcome.effects, outcome.state.lane(LANE).autostart) == ((), False)


def test_with_autostart_an_added_item_starts_the_queue(make_state, ready):
    assert step(make_state(ready(size=0)), QueueChanged(LANE, 1)).effects == (ClaimNext(LANE),)


def test_with_autostart_an_environment_that_has_opened_starts_the_queue(make_state, ready, tell):
    assert tell(make_state(ready("opening")), EnvironmentOpened(number=1)).effects == (ClaimNext(LANE),)


def test_with_autostart_a_manager_that_has_recovered_starts_the_queue(make_state, ready):
    assert step(make_state(ready(), phase="recovering"), RecoveryFinished()).effects == (ClaimNext(LANE),)


def test_with_autostart_a_released_item_starts_the_queue(make_state, ready):
    held = make_state(ready(condition="held", reason="held by a person"))
    assert step(held, HoldReleased(LANE)).effects == (ClaimNext(LANE),)


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 0},
        {"condition": "held", "reason": "x"},
        {"condition": "estopped", "reason": "x"},
        {"queue": "starting"},
    ],
)
def test_autostart_waits_for_items_and_for_persons(make_state, ready, changes):
    state = make_state(ready(**changes))
    assert step(state, QueueChanged(LANE, 0)).effects == ()


@pytest.mark.parametrize("environment", ["closed", "opening", "closing", "destroying"])
def test_autostart_waits_for_an_open_environment(make_state, ready, environment):
    assert step(make_state(ready(environment)), QueueChanged(LANE, 1)).effects == ()


@pytest.mark.parametrize("phase", ["recovering", "stopping", "stopped"])
def test_autostart_waits_for_a_serving_manager(make_state, ready, phase):
    assert step(make_state(ready(), phase=phase), QueueChanged(LANE, 1)).effects == ()


def test_autostart_starts_every_lane_that_can_run(make_state, ready):
    state = make_state(ready(name="a"), ready("closed", name="b"), ready(name="c"))
    assert step(state, HistoryChanged(1)).effects == (ClaimNext("a"), ClaimNext("c"))


def test_an_environment_that_is_being_closed_is_not_kept_busy_by_autostart(make_state, ready):
    state = make_state(ready(size=0))
    closing = step(state, EnvironmentCloseRequested(LANE, 5.0)).state
    assert step(closing, QueueChanged(LANE, 1)).effects == ()


def test_the_instruction_to_stop_switches_autostart_off(make_state, ready):
    outcome = step(make_state(ready(queue="starting")), InstructionReached(LANE, "queue_stop"))
    assert (outcome.effects, outcome.state.lane(LANE).autostart) == ((), False)


def test_autostart_does_not_ask_the_store_for_ever(make_state, ready):
    """Where the store has nothing although the state counts items."""
    outcome = step(make_state(ready(queue="starting", size=1)), QueueExhausted(LANE))
    assert (outcome.effects, outcome.state.lane(LANE).autostart) == ((), False)


def test_autostart_outlasts_an_empty_queue(make_state, ready):
    outcome = step(make_state(ready(queue="running", size=0)), QueueExhausted(LANE))
    assert (outcome.effects, outcome.state.lane(LANE).autostart) == ((), True)


def test_autostart_outlasts_a_held_item(make_state, ready):
    outcome = step(make_state(ready(queue="running", size=1)), QueueExhausted(LANE, "held by a person"))
    assert (outcome.effects, outcome.state.lane(LANE).autostart) == ((), True)


# --- execution at once --------------------------------------------------------------------------------------------


def test_an_item_for_immediate_execution_is_claimed_as_such(make_state, make_lane):
    outcome = step(make_state(make_lane(size=2)), ExecuteRequested(LANE))
    lane = outcome.state.lane(LANE)
    assert outcome.effects == (ClaimNext(LANE, is_immediate=True),)
    assert (lane.queue, lane.size) == ("starting", 3)
    claimed = step(outcome.state, ItemClaimed(KEY, ITEM, 7.0, is_immediate=True)).state.lane(LANE)
    assert claimed.attempt == Attempt(KEY, 7.0, is_immediate=True)
    assert claimed.size == 2


def test_an_instruction_is_obeyed_at_once_without_standing_in_the_queue(make_state, make_lane):
    outcome = step(make_state(make_lane(size=2, stop_pending=True)), ExecuteRequested(LANE, "queue_stop"))
    lane = outcome.state.lane(LANE)
    assert outcome.effects == ()
    assert (lane.queue, lane.size, lane.stop_pending, lane.autostart) == ("stopped", 2, False, False)


@pytest.mark.parametrize("instruction", ["", "queue_stop"])
def test_nothing_is_executed_beside_a_running_item(make_running, refuse, instruction):
    assert "running already" in str(refuse(make_running(), ExecuteRequested(LANE, instruction)))


def test_nothing_is_executed_without_an_environment(make_state, refuse):
    assert "environment_open" in str(refuse(make_state(), ExecuteRequested(LANE)))
