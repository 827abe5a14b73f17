"""What survives the process, and the state in which a restarted manager begins."""

from __future__ import annotations

import orjson
import pytest
from msgspec.structs import replace

from queue_server.core.invariants import violations
from queue_server.core.model import Attempt, Awaited, Estop, Lane, Revisions, SharedDevice, State, Waiting, Worker
from queue_server.engine.recovery import apply_lanes, apply_policies, apply_sharing, durable_part, restore, save
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import BACK, AttemptKey, Item, Run
from queue_server.protocol.worker_link import ItemFinished

LANE = Lane(
    worker=Worker("open", "w-1", connected=True, re_state="idle", failure="once"),
    condition="held",
    reason="look at it",
    loop=True,
    ignore_failures=True,
)
STATE = State(
    epoch=3,
    phase="serving",
    lanes=(LANE, Lane("b", queue="stopped")),
    revisions=Revisions(queue=4, history=5, runs=6, plans_existing=7, devices_existing=8, plans_allowed=9),
)


async def test_an_empty_store_gives_an_empty_state(store):
    assert await store.transact(lambda tx: restore(tx, 1, 0.0)) == State(epoch=1)


async def test_modes_conditions_and_revisions_come_back_as_they_were(store):
    await store.transact(lambda tx: save(tx, STATE))
    state = await store.transact(lambda tx: restore(tx, 4, 100.0))

    assert (state.epoch, state.phase, state.revisions) == (4, "recovering", STATE.revisions)
    assert [lane.name for lane in state.lanes] == ["default", "b"]
    lane = state.lane("default")
    kept = ("queue", "condition", "reason", "loop", "ignore_failures", "stop_pending")
    assert [getattr(lane, name) for name in kept] == [getattr(LANE, name) for name in kept]
    assert violations(state) == []


async def test_without_a_setting_failures_go_to_the_front_in_the_default_lane_and_are_held_elsewhere(store):
    await store.transact(lambda tx: save(tx, STATE))
    state = await store.transact(lambda tx: restore(tx, 4, 100.0))
    assert [(lane.name, lane.on_failure) for lane in state.lanes] == [("default", "front"), ("b", "hold")]


async def test_the_setting_decides_what_failures_do_and_not_what_an_older_release_has_stored(store):
    document = orjson.loads(durable_part(STATE))
    for record, policy in zip(document["lanes"], ("hold", "hold"), strict=True):
        record["on_failure"] = policy
    await store.transact(lambda tx: tx.save("core", orjson.dumps(document)))
    state = await store.transact(lambda tx: restore(tx, 4, 100.0))
    assert [lane.on_failure for lane in state.lanes] == ["front", "hold"]
    changed = apply_policies(state, {"default": "hold", "b": "front"})
    assert [lane.on_failure for lane in changed.lanes] == ["hold", "front"]
    assert durable_part(changed) == durable_part(state)


def test_a_policy_for_a_lane_that_does_not_exist_is_refused_by_name():
    with pytest.raises(ParameterError, match=r"'on_failure' names the lane 'c', .* Lanes: \['default', 'b'\]"):
        apply_policies(STATE, {"default": "hold", "c": "hold"})


async def test_a_worker_is_expected_and_not_answering_until_it_says_hello(store):
    await store.transact(lambda tx: save(tx, STATE))
    worker = (await store.transact(lambda tx: restore(tx, 4, 100.0))).lane("default").worker
    assert (worker.environment, worker.incarnation, worker.failure) == ("open", "w-1", "once")
    assert not worker.connected
    assert not worker.answering
    assert worker.wait is not None
    assert worker.wait.since == 100.0


async def test_a_lane_without_a_worker_waits_for_nobody(store):
    await store.transact(lambda tx: save(tx, STATE))
    assert (await store.transact(lambda tx: restore(tx, 4, 100.0))).lane("b").worker == Worker()


async def test_sizes_are_counted_anew(store):
    await store.transact(lambda tx: save(tx, STATE))
    items = [Item(uid, "b", uid, {"item_uid": uid}) for uid in ("x", "y")]
    await store.transact(lambda tx: tx.insert(items, BACK))
    state = await store.transact(lambda tx: restore(tx, 4, 100.0))
    assert [lane.size for lane in state.lanes] == [0, 2]


async def begin_attempt(store):
    """Queue and claim an item; return the key of its attempt."""
    item = Item("i", "default", "s", {"item_uid": "i"})
    await store.transact(lambda tx: tx.insert([item], BACK))
    claim = await store.transact(lambda tx: tx.claim_next("default", 3, 90.0))
    state = replace(STATE, lanes=(replace(LANE, queue="running", attempt=Attempt(claim.attempt, 90.0)),))
    await store.transact(lambda tx: save(tx, state))
    return claim.attempt


@pytest.mark.parametrize("phase", ["dispatched", "acknowledged", "running"])
async def test_a_running_attempt_comes_back_with_its_phase_and_its_runs(store, phase):
    key = await begin_attempt(store)
    if phase != "dispatched":
        await store.transact(lambda tx: tx.set_phase(key, phase))
    await store.transact(lambda tx: tx.open_run(key, Run("r-1", 7)))
    state = await store.transact(lambda tx: restore(tx, 4, 100.0))

    assert state.lane("default").attempt == Attempt(key, 90.0, phase=phase, runs=(Run("r-1", 7),))
    assert key == AttemptKey("i", "s", "default", 1, 3)
    assert state.lane("default").size == 0
    assert violations(state) == []


def test_what_only_the_process_knows_is_not_durable():
    lane = replace(LANE, worker=replace(LANE.worker, connected=False, answering=False, re_state="running"), size=9)
    transient = replace(STATE, epoch=9, phase="stopping", lanes=(lane, STATE.lanes[1]), history_size=9)
    assert durable_part(transient) == durable_part(STATE)


@pytest.mark.parametrize(
    "changed",
    [{"loop": False}, {"stop_pending": True}, {"queue": "running"}, {"condition": "estopped"}, {"autostart": True}],
)
def test_what_must_survive_is_durable(changed):
    other = replace(STATE, lanes=(replace(LANE, **changed), STATE.lanes[1]))
    assert durable_part(other) != durable_part(STATE)


async def test_a_manager_that_begins_again_on_the_same_store_shows_the_same_queue(executing, make_bench, store):
    await executing.do("queue_mode_set", mode={"loop": True})
    before = await executing.do("queue_get")
    await executing.end()
    again = await make_bench(store.reopen(), serving=False)

    assert await again.do("queue_get") == before
    status = again.status
    assert (status["manager_state"], status["epoch"]) == ("initializing", 2)
    assert status["plan_queue_mode"] == {"loop": True, "ignore_failures": False}
    assert status["running_item_uid"] == before["running_item"]["item_uid"]
    assert (await again.refuse("queue_start"))["error"]["code"] == "wrong_state"


async def test_an_adopted_worker_goes_on_with_its_attempt_and_its_outcome_is_recorded(executing, make_bench, store):
    key = executing.key
    await executing.end()
    again = await make_bench(store.reopen(), serving=True)
    again.hello(re_state="running", attempt=key, runs=(Run("run-1", 1),))
    await again.settle()
    assert again.status["manager_state"] == "executing_queue"
    assert (await again.do("re_runs"))["run_list"][0]["uid"] == "run-1"

    await again.report(
        ItemFinished, attempt=key, outcome="completed", time_start=1.0, time_stop=2.0, run_uids=("run-1",)
    )
    [entry] = (await again.do("history_get"))["items"]
    assert (entry["item_uid"], entry["result"]["exit_status"]) == (key.item_uid, "completed")


async def test_an_item_that_never_reached_the_worker_is_sent_again_under_its_old_token(bench, make_bench, store):
    await bench.open()
    await bench.add("count")
    await bench.do("queue_start")
    key = bench.key
    await bench.end()
    again = await make_bench(store.reopen())
    again.hello(re_state="idle")
    await again.settle()
    assert again.key == key
    assert key.epoch == 1


# --- lanes ----------------------------------------------------------------------------------------------------------


async def test_a_lane_that_is_new_begins_empty_and_the_others_stay_as_they_are(store):
    state = await store.transact(lambda tx: apply_lanes(tx, STATE, ["default", "b", "c"]))
    assert state.lanes == (*STATE.lanes, Lane("c"))
    assert await store.transact(lambda tx: apply_lanes(tx, STATE, ["default", "b"])) == STATE


async def test_a_lane_that_comes_back_has_the_items_that_the_store_knows(store):
    await store.transact(lambda tx: tx.insert([Item("x", "c", "x", {"item_uid": "x"})], BACK))
    state = await store.transact(lambda tx: apply_lanes(tx, STATE, ["default", "b", "c"]))
    assert state.lane("c").size == 1


async def test_a_lane_without_anything_may_be_left_out(store):
    state = await store.transact(lambda tx: apply_lanes(tx, STATE, ["default"]))
    assert [lane.name for lane in state.lanes] == ["default"]


@pytest.mark.parametrize(
    ("lane", "has", "fix"),
    [
        (Lane("b", size=2), "2 items in its queue", "queue_clear"),
        (Lane("b", worker=Worker("open", "w-2")), "an environment", "environment_close"),
        (Lane("b", condition="estopped", reason="smoke", estop=Estop("anna", 1.0)), "an emergency stop", "estop_reset"),
    ],
)
async def test_a_lane_is_not_left_out_with_what_would_be_lost(store, lane, has, fix):
    state = replace(STATE, lanes=(LANE, lane))
    with pytest.raises(ParameterError, match="'lanes' leaves out the lane 'b'") as refused:
        await store.transact(lambda tx: apply_lanes(tx, state, ["default"]))
    assert has in str(refused.value)
    assert fix in str(refused.value)


def test_what_lanes_share_is_a_setting():
    state = apply_sharing(STATE, {"cryo": {"default": "cryo1", "b": "cold"}})
    assert state.shared == (SharedDevice("cryo", (("default", "cryo1"), ("b", "cold"))),)
    assert apply_sharing(state, {}).shared == ()


def test_a_device_of_a_lane_that_does_not_exist_is_refused():
    with pytest.raises(
        ParameterError, match=r"'cryo' into the lane 'c', which does not exist. Lanes: \['default', 'b'\]"
    ):
        apply_sharing(STATE, {"cryo": {"default": "cryo1", "c": "cold"}})


@pytest.mark.parametrize("claims", [None, frozenset(), frozenset({"shutter", "b/m1"})])
async def test_who_holds_and_who_awaits_what_comes_back(store, claims):
    item = Item("i", "default", "i", {"name": "count", "item_uid": "i"})
    await store.transact(lambda tx: tx.insert([item], BACK))
    key = (await store.transact(lambda tx: tx.claim_next("default", 3, 90.0))).attempt
    running = replace(LANE, condition="open", reason="", queue="running", attempt=Attempt(key, 90.0, claims=claims))
    waiting = Waiting("head", claims, 95.0, 7)
    state = replace(STATE, lanes=(running, Lane("b", LANE.worker, queue="starting", waiting=waiting)))
    await store.transact(lambda tx: save(tx, state))
    restored = await store.transact(lambda tx: restore(tx, 4, 100.0))
    assert restored.lane("default").attempt == Attempt(key, 90.0, claims=claims)
    assert restored.lane("b").waiting == waiting


async def test_what_a_head_comes_after_comes_back(store):
    waiting = Waiting("head", None, 95.0, 7, after=(Awaited("i", "default"), Awaited("j", "default", is_held=True)))
    state = replace(STATE, lanes=(LANE, Lane("b", LANE.worker, queue="starting", waiting=waiting)))
    await store.transact(lambda tx: save(tx, state))
    assert (await store.transact(lambda tx: restore(tx, 4, 100.0))).lane("b").waiting == waiting


async def test_a_lane_whose_worker_has_to_connect_again_does_not_wait(store):
    waiting = Waiting("head", None, 95.0)
    remote = Lane("mr", LANE.worker, queue="starting", waiting=waiting, autostart=True, is_remote=True)
    await store.transact(lambda tx: save(tx, replace(STATE, lanes=(LANE, remote))))
    lane = (await store.transact(lambda tx: restore(tx, 4, 100.0))).lane("mr")
    assert (lane.waiting, lane.queue, lane.autostart) == (None, "stopped", True)


async def test_an_attempt_of_which_no_claims_are_stored_claims_its_lane(store):
    """As in the data of an earlier version."""
    document = orjson.loads(durable_part(STATE))
    for lane in document["lanes"]:
        del lane["claims"], lane["waiting"]
    item = Item("i", "default", "i", {"name": "count", "item_uid": "i"})
    await store.transact(lambda tx: tx.insert([item], BACK))
    await store.transact(lambda tx: tx.claim_next("default", 3, 90.0))
    await store.transact(lambda tx: tx.save("core", orjson.dumps(document)))
    lane = (await store.transact(lambda tx: restore(tx, 4, 100.0))).lane("default")
    assert (lane.attempt.claims, lane.waiting) == (None, None)
