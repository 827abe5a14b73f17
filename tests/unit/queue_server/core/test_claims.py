"""Claims: what an item needs for itself, who keeps it from beginning, and how its lane waits."""

from __future__ import annotations

from itertools import permutations

import pytest
from msgspec.structs import replace

from queue_server.core.claims import Busy, Holder, are_disjoint, claim_of, claims_of, find_holders, find_users, names_in
from queue_server.core.effects import ClaimNext, Dispatch, Send
from queue_server.core.events import (
    AutostartSet,
    EnvironmentDestroyRequested,
    EstopRecorded,
    EstopRequested,
    EstopReset,
    ExecuteRequested,
    ItemBlocked,
    ItemClaimed,
    PauseRequested,
    QueueChanged,
    QueueExhausted,
    QueueStartRequested,
    QueueStopRequested,
    RecoveryFinished,
    StopRequested,
    WorkerExited,
    WorkerReported,
)
from queue_server.core.invariants import violations
from queue_server.core.machine import step
from queue_server.core.model import Attempt, Claims, Lane, SharedDevice, Waiting, Worker
from queue_server.core.view import status_of
from queue_server.protocol.errors import StateError
from queue_server.protocol.items import AttemptKey, Item, Outcome
from queue_server.protocol.tasks import Task
from queue_server.protocol.worker_link import Close, ItemFinished

INSTANCE = "5b0c31f2-6d0e-4c54-9d65-1a7d2a3a4f10"
SHUTTER = SharedDevice("shutter", (("a", "front"), ("b", "shutter")))
X: Claims = frozenset({"x"})


def worker_of(lane):
    return Worker("open", f"worker of {lane}", connected=True, re_state="idle")


def key_of(lane, number=1):
    return AttemptKey(f"item of {lane}", f"submission of {lane}", lane, number, 1)


def idle(name, **changes):
    return Lane(name, **{"worker": worker_of(name), "size": 1, **changes})


def running(name, claims: Claims = X, **changes):
    return idle(name, **{"queue": "running", "attempt": Attempt(key_of(name), 1.0, claims=claims), **changes})


def waiting(name, claims: Claims = X, ticket=1, **changes):
    return idle(name, **{"queue": "starting", "waiting": Waiting(f"head of {name}", claims, 5.0, ticket), **changes})


def finish(lane, outcome: Outcome = "completed"):
    message = ItemFinished(number=1, attempt=key_of(lane), outcome=outcome, time_start=1.0, time_stop=2.0)
    return WorkerReported(lane, f"worker of {lane}", message, 9.0)


def asked(outcome):
    return [effect.lane for effect in outcome.effects if isinstance(effect, ClaimNext)]


@pytest.fixture
def sharing(make_state):
    """Build a state in which the lanes a and b share a shutter."""
    return lambda *lanes, **changes: make_state(*lanes, shared=(SHUTTER,), **changes)


@pytest.fixture
def blocked(make_state):
    """The lane a runs what the head of the lane b waits for."""
    return make_state(running("a"), waiting("b"))


# --- what a task moves --------------------------------------------------------------------------------------------


def moving(lane, device):
    return Task(f"task in {lane}", lane, "device_set", True, 1.0, {}, device)


@pytest.mark.parametrize(
    ("lane", "claims", "claim"),
    [
        ("a", frozenset({"shutter"}), "shutter"),
        ("b", frozenset({"shutter"}), "shutter"),
        ("a", None, "shutter"),
        ("b", None, "shutter"),
        ("b", frozenset({"lane:a"}), "shutter"),
        ("a", frozenset({"a/det"}), None),
        ("c", None, None),
    ],
)
def test_an_item_waits_for_a_device_that_a_task_moves_in_any_lane(sharing, lane, claims, claim):
    state = sharing(idle("a", tasks=(moving("a", "shutter"),)), idle("b"), idle("c"))
    expected = () if claim is None else (Holder(claim, "a", "", "task in a"),)
    assert find_holders(state, lane, claims) == expected


@pytest.mark.parametrize("listed", ["det", "a/det"])
def test_a_device_of_a_lane_alone_is_claimed_by_either_of_its_names(make_state, listed):
    state = make_state(idle("a", tasks=(moving("a", "a/det"),)))
    assert find_holders(state, "a", frozenset({listed})) == (Holder(listed, "a", "", "task in a"),)
    assert find_holders(state, "a", frozenset({"other"})) == ()


def test_a_task_that_stops_a_device_keeps_nobody_waiting(make_state):
    task = replace(moving("a", "a/det"), kind="device_stop")
    assert find_holders(make_state(idle("a", tasks=(task,))), "a", None) == ()


def test_a_manager_that_ends_leaves_a_worker_that_moves_a_device(make_state):
    lanes = idle("a", tasks=(moving("a", "a/det"),)), idle("b")
    outcome = step(make_state(*lanes), StopRequested("close_idle", 3.0))
    sent = [effect for effect in outcome.effects if isinstance(effect, Send)]
    assert sent == [Send("worker of b", Close())]


def test_who_has_a_device_is_found_in_every_lane(sharing):
    task = moving("b", "shutter")
    state = sharing(running("a", None), running("b", frozenset({"y"}), tasks=(task,)))
    item, moved = Holder("shutter", "a", "item of a"), Holder("shutter", "b", "", task.uid)
    assert find_users(state, "b", "shutter") == (item, moved)
    assert find_users(state, "b", "shutter", items_only=True) == (item,)
    assert find_users(state, "b", "b/det") == ()
    assert [holder.work for holder in (item, moved)] == ["item item of a", "task task in b"]


def test_names_are_those_of_the_facility_outside_and_those_of_the_lane_inside(sharing):
    state = sharing(idle("a"), idle("b"))
    assert [claim_of(state, "a", name) for name in ("front", "det")] == ["shutter", "a/det"]
    assert names_in(state, "a", frozenset({"shutter", "a/det", "robot"})) == ("det", "front", "robot")
    assert names_in(state, "a", None) is names_in(state, "a", frozenset({"lane:a", "x"})) is None


# --- what an item claims ------------------------------------------------------------------------------------------


def item(lane="a", **content):
    return Item("uid", lane, "uid", {"name": "count", **content})


def test_an_item_claims_what_it_lists_whatever_its_plan_uses(sharing):
    assert claims_of(sharing(idle("a")), item(claims=["robot", "b/m1"]), ["det"]) == {"robot", "b/m1"}


def test_a_shared_device_may_be_listed_by_its_name_in_the_lane_or_in_the_facility(sharing):
    assert claims_of(sharing(idle("a")), item(claims=["front"]), None) == {"shutter"}
    assert claims_of(sharing(idle("a")), item(claims=["shutter"]), None) == {"shutter"}


def test_devices_of_a_plan_belong_to_its_lane_unless_they_are_shared(sharing):
    state = sharing(idle("a"), idle("b"))
    assert claims_of(state, item("a"), ["front", "det"]) == {"shutter", "a/det"}
    assert claims_of(state, item("b"), ["front", "shutter"]) == {"b/front", "shutter"}


def test_an_item_that_nobody_knows_more_of_claims_its_lane(sharing):
    assert claims_of(sharing(idle("a")), item(), None) is None
    assert claims_of(sharing(idle("a")), item(claims=None), None) is None


def test_a_plan_without_devices_claims_nothing(sharing):
    assert claims_of(sharing(idle("a")), item(), ()) == frozenset()


# --- who may run together -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "claim"),
    [
        ({"x", "y"}, {"y", "z"}, "y"),
        ({"x"}, {"y"}, None),
        ({"x"}, set(), None),
        (None, None, "shutter"),
        (None, {"shutter"}, "shutter"),
        (None, {"b/m1"}, None),
        (None, {"a/m1"}, "a/m1"),
        ({"x"}, {"lane:a"}, "lane:a"),
        ({"lane:b"}, {"x"}, "lane:b"),
        ({"lane:b"}, {"b/m1"}, "b/m1"),
        ({"lane:c"}, {"shutter"}, None),
    ],
)
def test_items_are_kept_apart_by_what_both_claim(sharing, one, other, claim):
    state = sharing(idle("a"), running("b", None if other is None else frozenset(other)))
    claims = None if one is None else frozenset(one)
    holders = find_holders(state, "a", claims)
    assert holders == (() if claim is None else (Holder(claim, "b", "item of b"),))
    mine, theirs = Busy("a", "mine", claims), Busy("b", "theirs", None if other is None else frozenset(other))
    assert are_disjoint(state, mine, theirs) == are_disjoint(state, theirs, mine) == (claim is None)


def test_lanes_that_share_nothing_run_together_whatever_they_do(make_state):
    assert find_holders(make_state(idle("a"), running("b", None)), "a", None) == ()


def test_a_lane_alone_waits_for_nobody(make_state):
    assert find_holders(make_state(running("a", None)), "a", None) == ()


def test_an_attempt_that_the_manager_does_not_know_holds_its_whole_lane(sharing):
    lane = idle("b", worker=replace(worker_of("b"), stray=key_of("b")))
    assert find_holders(sharing(idle("a"), lane), "a", frozenset({"shutter"})) == (Holder("shutter", "b", "item of b"),)


def test_whoever_has_waited_for_longer_is_not_overtaken(make_state):
    state = make_state(running("a", frozenset({"y"})), waiting("b", frozenset({"x", "y"})), idle("c"))
    assert find_holders(state, "c", X) == (Holder("x", "b", "head of b"),)
    assert find_holders(state, "b", frozenset({"x", "y"})) == (Holder("y", "a", "item of a"),)


@pytest.mark.parametrize(
    "changes",
    [
        {"condition": "estopped", "reason": "smoke"},
        {"worker": replace(worker_of("b"), environment="destroying")},
    ],
)
def test_a_lane_that_cannot_begin_keeps_nobody_waiting(make_state, changes):
    assert find_holders(make_state(waiting("b", **changes), idle("c")), "c", X) == ()


# --- waiting ------------------------------------------------------------------------------------------------------


def test_a_queue_whose_head_is_blocked_waits(make_state):
    state = make_state(running("a"), idle("b", queue="starting"))
    outcome = step(state, ItemBlocked("b", "head", X, 7.0))
    lane = outcome.state.lane("b")
    assert (lane.queue, lane.waiting, outcome.effects) == ("starting", Waiting("head", X, 7.0), ())
    assert violations(outcome.state) == []


def test_a_queue_that_ran_waits_before_its_next_item(make_state):
    state = make_state(running("a"), idle("b", queue="running"))
    assert step(state, ItemBlocked("b", "head", X, 7.0)).state.lane("b").queue == "starting"


def test_lanes_wait_in_the_order_in_which_they_came(make_state):
    state = make_state(running("a"), waiting("b", ticket=4), idle("c", queue="starting"))
    assert step(state, ItemBlocked("c", "head", X, 1.0)).state.lane("c").waiting == Waiting("head", X, 1.0, 5)


def test_a_lane_that_is_blocked_again_keeps_its_place(blocked):
    lane = step(blocked, ItemBlocked("b", "another", X, 7.0)).state.lane("b")
    assert lane.waiting == Waiting("another", X, 5.0, 1)


def test_the_end_of_what_holds_the_claims_asks_for_the_lane_that_waits(blocked):
    outcome = step(blocked, finish("a"))
    assert asked(outcome) == ["a", "b"]
    lane = step(outcome.state, ItemClaimed(key_of("b"), item("b"), 9.0, claims=X)).state.lane("b")
    assert (lane.waiting, lane.attempt) == (None, Attempt(key_of("b"), 9.0, claims=X))


@pytest.mark.parametrize("outcome", ["unknown", "failed", "aborted"])
def test_however_an_attempt_ends_it_lets_go_of_its_claims(blocked, outcome):
    assert asked(step(blocked, finish("a", outcome))) == ["b"]
    assert asked(step(blocked, WorkerExited("a", "worker of a", "killed", 9.0))) == ["b"]


def test_the_lane_that_finished_stands_behind_those_that_wait(blocked):
    """It is asked first, but what has waited comes before it."""
    state = step(blocked, finish("a")).state
    assert find_holders(state, "a", X) == (Holder("x", "b", "head of b"),)


def test_of_those_that_want_the_same_the_one_is_asked_that_has_waited_longest(make_state):
    for tickets in permutations((1, 2, 3)):
        lanes = [waiting(name, ticket=ticket) for name, ticket in zip("bcd", tickets, strict=True)]
        outcome = step(make_state(running("a", queue="stopped"), *lanes), finish("a"))
        assert asked(outcome) == ["bcd"[tickets.index(1)]]


def test_all_are_asked_that_may_begin_together(make_state):
    both = frozenset({"x", "y"})
    lanes = waiting("b", frozenset({"x"}), 2), waiting("c", frozenset({"y"}), 1), waiting("d", both, 3)
    assert asked(step(make_state(running("a", both, queue="stopped"), *lanes), finish("a"))) == ["c", "b"]


def test_a_lane_is_not_asked_twice_for_one_answer(blocked):
    state = step(blocked, finish("a")).state
    assert asked(step(state, QueueChanged("b", 1))) == []
    assert asked(step(state, QueueChanged("a", 1))) == []


def test_an_order_to_a_plan_asks_for_nothing(blocked):
    """It is stepped outside of a turn, where nothing can be claimed."""
    state = blocked.with_lane(running("a", frozenset({"y"})))
    assert asked(step(state, PauseRequested("a", "deferred", 1.0))) == []
    assert asked(step(state, EstopRequested("a", "somebody", "smoke", 1.0))) == []


# --- what becomes of a lane that waits ----------------------------------------------------------------------------


def test_a_lane_that_waits_can_be_stopped(blocked):
    state = step(blocked.with_lane(waiting("b", autostart=True)), QueueStopRequested("b")).state
    lane = state.lane("b")
    assert (lane.queue, lane.waiting, lane.stop_pending, lane.autostart, lane.is_idle) == (
        "stopped",
        None,
        False,
        False,
        True,
    )


def test_a_change_of_a_queue_that_waits_asks_for_its_head_again(blocked):
    outcome = step(blocked, QueueChanged("b", -1))
    assert asked(outcome) == ["b"]
    lane = step(outcome.state, QueueExhausted("b")).state.lane("b")
    assert (lane.queue, lane.waiting) == ("stopped", None)


def test_autostart_does_not_start_a_queue_that_waits(blocked):
    assert asked(step(blocked, AutostartSet("b", is_enabled=True))) == []


def test_a_queue_that_waits_is_not_started_again(blocked, refuse):
    assert "running already" in str(refuse(blocked, QueueStartRequested("b")))
    assert "running already" in str(refuse(blocked, ExecuteRequested("b")))


def test_an_emergency_stop_ends_the_wait_and_its_release_starts_nothing(blocked):
    state = step(blocked, EstopRequested("b", "somebody", "smoke", 6.0)).state
    assert (state.lane("b").queue, state.lane("b").waiting, violations(state)) == ("stopped", None, [])
    state = step(state, EstopRecorded("b")).state
    closed = step(state, WorkerExited("b", "worker of b", "killed", 7.0)).state
    assert step(closed, EstopReset("b")).effects == ()


def test_who_waited_behind_a_lane_that_an_emergency_stop_latches_is_asked_with_its_record(make_state):
    first, second = waiting("b", frozenset({"x", "y"}), 1), waiting("c", frozenset({"y"}), 2)
    state = make_state(running("a"), first, second)
    latched = step(state, EstopRequested("b", "somebody", "smoke", 6.0))
    assert asked(latched) == []
    assert asked(step(latched.state, EstopRecorded("b"))) == ["c"]


def test_destroying_the_environment_ends_the_wait_and_frees_the_place_at_once(make_state):
    first, second = waiting("b", frozenset({"x", "y"}), 1), waiting("c", frozenset({"y"}), 2)
    outcome = step(make_state(running("a"), first, second), EnvironmentDestroyRequested("b", 6.0))
    assert asked(outcome) == ["c"]
    lane = step(outcome.state, WorkerExited("b", "worker of b", "killed", 7.0)).state.lane("b")
    assert (lane.queue, lane.waiting) == ("stopped", None)


def test_the_end_of_the_manager_closes_the_worker_of_a_lane_that_waits(blocked):
    outcome = step(blocked, StopRequested("close_idle", 6.0))
    lane = outcome.state.lane("b")
    assert (lane.queue, lane.waiting, lane.worker.environment) == ("stopped", None, "closing")
    assert [effect.message for effect in outcome.effects if isinstance(effect, Send)] == [Close()]


def test_a_manager_asks_for_a_lane_that_waits_once_it_has_recovered(make_state):
    state = make_state(running("a", queue="stopped"), waiting("b"), phase="recovering")
    ended = step(state, finish("a"))
    assert asked(ended) == []
    assert asked(step(ended.state, RecoveryFinished())) == ["b"]


def test_an_item_that_is_to_run_at_once_does_not_wait(make_state, refuse):
    state = make_state(running("a"), idle("b", queue="starting"))
    error = refuse(state, ItemBlocked("b", "head", X, 7.0, is_immediate=True))
    assert isinstance(error, StateError)
    assert "'x' (item item of a of the lane 'a')" in str(error)


def test_a_claimed_item_is_dispatched_and_keeps_its_claims(make_state):
    outcome = step(make_state(idle("a", queue="starting")), ItemClaimed(key_of("a"), item(), 3.0, claims=X))
    assert outcome.state.lane("a").attempt == Attempt(key_of("a"), 3.0, claims=X)
    assert outcome.effects == (Dispatch(key_of("a"), item(), ("x",)),)


# --- what is shown, and what must hold ----------------------------------------------------------------------------


def test_a_lane_that_waits_says_for_which_device_and_which_item(blocked):
    shown = status_of(replace(blocked, lanes=(idle("default"), *blocked.lanes)), INSTANCE, "name")
    lane = shown["lanes"][2]
    assert lane["waiting_for"] == "'x', which the item item of a of the lane 'a' claims"
    assert (lane["waiting_since"], lane["waiting_item_uid"]) == (5.0, "head of b")
    assert lane["claimed_by"] == [{"claim": "x", "lane": "a", "item_uid": "item of a"}]
    assert (lane["manager_state"], lane["worker_state"]) == ("starting_queue", "idle")
    others = [shown["lanes"][index] for index in (0, 1)]
    assert [(each["waiting_for"], each["waiting_item_uid"], each["claimed_by"]) for each in others] == [
        ("", None, [])
    ] * 2


def test_a_lane_says_that_it_waits_for_the_manager(make_state):
    state = make_state(idle("default"), waiting("b"), phase="recovering")
    assert status_of(state, INSTANCE, "name")["lanes"][1]["waiting_for"] == "the manager to serve again"


@pytest.mark.parametrize(
    ("lanes", "text"),
    [
        ((running("a"), running("b")), "run together and claim the same"),
        ((running("a", frozenset()), waiting("b")), "it waits for nothing"),
        ((running("a"), waiting("b", queue="running")), "a queue that does not start"),
        ((running("a"), waiting("b", attempt=Attempt(key_of("b"), 1.0, claims=frozenset()))), "beside an attempt"),
        ((running("a"), waiting("b", stop_pending=True)), "although it is to stop"),
        ((running("a"), waiting("b", waiting=Waiting("u", X, 1.0, is_asked=True))), "the store has not answered"),
    ],
)
def test_a_broken_promise_about_claims_is_found(make_state, lanes, text):
    assert any(text in violation for violation in violations(make_state(*lanes)))
