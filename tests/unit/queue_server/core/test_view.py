"""The status: every documented key in every state, and words that clients of bluesky-queueserver know."""

from __future__ import annotations

from typing import get_args

import pytest
from msgspec.structs import replace

from queue_server.core.events import ContinueRequested, PauseRequested
from queue_server.core.locks import Lock
from queue_server.core.machine import step
from queue_server.core.model import Lane, Revisions, State
from queue_server.core.view import environment_state, is_paused, lane_status, manager_state, part_uid, status_of
from queue_server.protocol.status import DOCUMENTED_KEYS, LaneStatus, ManagerState, Status

LANE = "default"
INSTANCE = "5b0c31f2-6d0e-4c54-9d65-1a7d2a3a4f10"
OTHER_INSTANCE = "ad1d0b2a-3c6e-4c5f-8d5b-0a0d6c1f3f21"

UIDS = {
    "plan_queue_uid": "queue",
    "plan_history_uid": "history",
    "run_list_uid": "runs",
    "plans_existing_uid": "plans_existing",
    "devices_existing_uid": "devices_existing",
    "plans_allowed_uid": "plans_allowed",
    "devices_allowed_uid": "devices_allowed",
    "lock_info_uid": "lock",
    "task_results_uid": "tasks",
}


def show(state):
    return status_of(state, INSTANCE, "RE Manager v1")


def test_the_status_of_a_fresh_manager_is_complete(make_state):
    status = show(make_state())
    assert set(status) == set(Status.__annotations__)
    assert {name: status[name] for name in DOCUMENTED_KEYS if not name.endswith("_uid")} == {
        "msg": "RE Manager v1",
        "time": "",
        "items_in_queue": 0,
        "items_in_history": 0,
        "manager_state": "idle",
        "queue_stop_pending": False,
        "queue_autostart_enabled": False,
        "pause_pending": False,
        "worker_environment_exists": False,
        "worker_background_tasks": 0,
        "worker_environment_state": "closed",
        "re_state": None,
        "ip_kernel_state": None,
        "ip_kernel_captured": None,
        "plan_queue_mode": {"loop": False, "ignore_failures": False},
        "lock": {"environment": False, "queue": False},
    }
    assert status["running_item_uid"] is None


def test_an_open_environment_shows_its_run_engine_and_no_kernel(make_state, make_lane):
    status = show(make_state(make_lane()))
    assert (status["worker_environment_exists"], status["worker_environment_state"]) == (True, "idle")
    assert (status["re_state"], status["ip_kernel_state"], status["ip_kernel_captured"]) == ("idle", "disabled", True)


def test_an_environment_exists_until_its_worker_has_ended(make_state, make_lane):
    for environment in ("closing", "destroying"):
        status = show(make_state(make_lane(environment)))
        assert (status["worker_environment_exists"], status["re_state"]) == (True, "idle")
        assert (status["ip_kernel_state"], status["ip_kernel_captured"]) == ("disabled", True)


@pytest.mark.parametrize("environment", ["opening", "closing", "destroying"])
def test_an_environment_that_never_opened_does_not_exist(make_state, make_lane, environment):
    status = show(make_state(make_lane(environment, worker={"re_state": None})))
    assert (status["worker_environment_exists"], status["re_state"]) == (False, None)
    assert (status["ip_kernel_state"], status["ip_kernel_captured"]) == (None, None)


def test_a_running_item_is_shown(make_running):
    status = show(make_running(lane={"stop_pending": True, "loop": True, "ignore_failures": True, "autostart": True}))
    assert (status["running_item_uid"], status["items_in_queue"]) == ("item", 2)
    assert (status["worker_environment_state"], status["re_state"]) == ("executing_plan", "running")
    assert (status["queue_stop_pending"], status["queue_autostart_enabled"]) == (True, True)
    assert status["plan_queue_mode"] == {"loop": True, "ignore_failures": True}


def test_a_lock_is_shown(make_state):
    assert show(make_state(lock=Lock(queue=True, digest="x")))["lock"] == {"environment": False, "queue": True}


# --- words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "manager", "worker"),
    [
        ("closed", "idle", "closed"),
        ("opening", "creating_environment", "initializing"),
        ("open", "idle", "idle"),
        ("closing", "closing_environment", "closing"),
        ("destroying", "destroying_environment", "closing"),
    ],
)
def test_environments_have_their_words(make_state, make_lane, environment, manager, worker):
    state = make_state(make_lane(environment))
    assert manager_state(state, state.lane(LANE)) == manager
    assert environment_state(state.lane(LANE)) == worker


def test_a_manager_that_recovers_is_initializing_whatever_runs(make_state, make_running):
    for state in (make_state(phase="recovering"), make_running(phase="recovering")):
        assert show(state)["manager_state"] == "initializing"


def test_a_queue_is_starting_until_its_first_item_is_acknowledged(make_state, make_lane, make_running):
    assert show(make_state(make_lane(queue="starting")))["manager_state"] == "starting_queue"
    assert show(make_running("idle", lane={"queue": "starting"}))["manager_state"] == "starting_queue"


def test_between_two_items_the_queue_is_still_executing(make_running):
    running = make_running("idle").lane(LANE)
    between = replace(running, attempt=None)
    assert manager_state(make_running(), between) == "executing_queue"


def test_a_plan_is_executed_though_its_queue_has_stopped(make_running):
    assert show(make_running(lane={"queue": "stopped"}))["manager_state"] == "executing_queue"


def test_a_paused_plan_is_paused_until_it_is_told_to_go_on(make_running):
    paused = make_running("paused")
    assert show(paused)["manager_state"] == "paused"
    assert show(paused)["worker_environment_state"] == "idle"
    assert show(step(paused, ContinueRequested(LANE, "resume", 1.0)).state)["manager_state"] == "executing_queue"
    assert (
        show(step(paused, ContinueRequested(LANE, "resume", 1.0)).state)["worker_environment_state"] == "executing_plan"
    )


def test_a_pause_is_pending_until_the_plan_is_paused(make_running):
    pending = show(step(make_running(), PauseRequested(LANE, "deferred", 1.0)).state)
    assert (pending["pause_pending"], pending["manager_state"]) == (True, "executing_queue")
    assert show(make_running("paused"))["pause_pending"] is False
    assert show(make_running("paused", order="resume"))["pause_pending"] is False


def test_a_plan_is_not_called_paused_while_its_environment_is_destroyed(make_running):
    assert show(make_running("paused", environment="destroying"))["manager_state"] == "destroying_environment"


def test_without_a_plan_nothing_is_paused(make_lane):
    assert not is_paused(make_lane(worker={"re_state": "paused"}))


def test_only_known_words_are_used(make_state, make_lane, make_running):
    words = get_args(ManagerState)
    for environment in ("closed", "opening", "open", "closing", "destroying"):
        assert show(make_state(make_lane(environment)))["manager_state"] in words


# --- lanes --------------------------------------------------------------------------------------------------------


def test_every_lane_is_described(make_state, make_lane):
    status = show(make_state(make_lane(), Lane("b", size=3)))
    assert [(lane["lane"], lane["items_in_queue"]) for lane in status["lanes"]] == [("default", 0), ("b", 3)]
    assert all(set(lane) == set(LaneStatus.__annotations__) for lane in status["lanes"])
    assert status["items_in_queue"] == 0


def describe(lane):
    """Return what clients see of a lane."""
    return lane_status(State(epoch=2, phase="serving", lanes=(lane,)), lane)


def test_what_the_status_says_of_the_lane_default_is_said_of_every_lane(make_state, make_running, make_lane):
    busy = replace(make_running("paused").lane(LANE), stop_pending=True, loop=True, autostart=True)
    as_default = show(make_state(busy))
    as_other = show(make_state(make_lane("closed"), replace(busy, name="b")))
    first, other = as_other["lanes"]
    shared = set(LaneStatus.__annotations__) & set(DOCUMENTED_KEYS)
    assert shared >= {"manager_state", "re_state", "pause_pending", "plan_queue_mode", "queue_stop_pending"}
    assert {name: other[name] for name in shared} == {name: as_default[name] for name in shared}
    assert other["worker_state"] == as_default["worker_environment_state"]
    assert {name: first[name] for name in shared} == {name: as_other[name] for name in shared}
    assert (as_other["manager_state"], as_other["re_state"]) == ("idle", None)


def test_a_lane_shows_what_serves_it_and_what_runs(make_running):
    lane = make_running(lane={"condition": "held", "reason": "unknown outcome"}).lane(LANE)
    shown = describe(lane)
    assert (shown["worker"], shown["answering"], shown["worker_state"]) == ("the worker", True, "executing_plan")
    assert (shown["running_item_uid"], shown["attempt"]) == ("item", 3)
    assert (shown["condition"], shown["reason"]) == ("held", "unknown outcome")
    assert (shown["waiting_for"], shown["waiting_since"]) == ("", None)


def test_a_lane_says_why_its_last_worker_ended(make_lane):
    assert describe(make_lane("closed", worker={"failure": "killed"}))["reason"] == "killed"
    held = make_lane("closed", worker={"failure": "killed"}, condition="held", reason="unknown outcome")
    assert describe(held)["reason"] == "unknown outcome"


def test_a_lane_says_what_it_waits_for_and_since_when(make_lane, make_running):
    opening = describe(make_lane("opening"))
    assert (opening["waiting_for"], opening["waiting_since"]) == ("something", 1.0)
    pausing = describe(make_running(order="pause_deferred", order_since=7.0).lane(LANE))
    assert (pausing["waiting_for"], pausing["waiting_since"]) == ("the plan to pause", 7.0)
    ending = describe(make_running("paused", order="abort", order_since=8.0).lane(LANE))
    assert (ending["waiting_for"], ending["waiting_since"]) == ("the plan to abort", 8.0)


def test_the_end_of_a_worker_is_waited_for_before_its_plan(make_running):
    lane = make_running(environment="destroying", order="pause_deferred").lane(LANE)
    assert describe(lane)["waiting_for"] == "something"


# --- what clients compare -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "part"), UIDS.items())
def test_each_uid_changes_with_its_part_and_with_nothing_else(make_state, name, part):
    before, after = show(make_state()), show(make_state().bump(part))
    assert {key for key in UIDS if before[key] != after[key]} == {name}


def test_every_part_has_a_uid(make_state):
    assert set(UIDS.values()) == set(Revisions.__struct_fields__)
    uids = [show(make_state())[name] for name in UIDS]
    assert len(set(uids)) == len(uids)


def test_uids_are_the_same_after_a_restart_and_different_in_another_installation():
    assert part_uid(INSTANCE, "queue", 5) == part_uid(INSTANCE, "queue", 5)
    assert part_uid(INSTANCE, "queue", 5) != part_uid(OTHER_INSTANCE, "queue", 5)


def test_equal_states_look_equal(make_running):
    assert show(make_running()) == show(make_running())
