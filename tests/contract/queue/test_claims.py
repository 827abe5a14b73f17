"""Items of two lanes that claim the same: one after the other, whatever happens to the lane that waits."""

from __future__ import annotations

import pytest

from queue_server.core.events import EstopRequested, RecoveryFinished
from queue_server.protocol.items import DEFAULT_LANE, Origin
from queue_server.protocol.worker_link import ItemFinished
from tests.doubles.bench import PLANS, USER, Bench, begun, plan, shown

SHUTTER = {"claims": ["shutter"]}
DECLARED = {**PLANS, "count": {**PLANS["count"], "claims": "arguments"}}


async def begin(store, **more):
    """Return a bench with two lanes, driven as the worker of the lane default, and the same for the lane b."""
    bench = await Bench.begin(store, lanes=(DEFAULT_LANE, "b"), **more)
    bench.engine.find_devices_by(bench.resources.find_devices)
    return bench, bench.in_lane("b")


@pytest.fixture
async def lanes(store):
    """Two lanes with open environments, as the workers of both."""
    ours, theirs = await begin(store)
    for each in (ours, theirs):
        await each.open(DECLARED)
    yield ours, theirs
    await ours.end()


@pytest.fixture
async def waiting(lanes):
    """The lane default runs a plan that claims the shutter; the lane b waits for that; and the uids of both."""
    ours, theirs = lanes
    [running] = await ours.add("scan", **SHUTTER)
    [head] = await theirs.add("scan", **SHUTTER)
    await ours.do("queue_start")
    await ours.run_plan()
    await theirs.do("queue_start", lane="b")
    return ours, theirs, running, head


async def test_a_lane_that_waits_says_for_what_and_begins_when_it_is_free(waiting):
    ours, theirs, running, head = waiting
    lane = shown(theirs)
    assert lane["claimed_by"] == [{"claim": "shutter", "lane": "default", "item_uid": running}]
    assert (lane["waiting_item_uid"], lane["manager_state"], lane["items_in_queue"]) == (head, "starting_queue", 1)
    assert (await ours.do("lanes_get"))["lanes"][1] == lane
    assert begun(theirs) == []
    await ours.finish()
    assert begun(theirs) == [head]
    assert (shown(theirs)["waiting_item_uid"], shown(theirs)["running_item_uid"]) == (None, head)
    assert [event for event in theirs.events() if event == "item_waits"] == ["item_waits"]


async def test_items_that_claim_different_things_run_together(lanes):
    ours, theirs = lanes
    await ours.add("scan", claims=["shutter"])
    await theirs.add("scan", claims=["robot"])
    await ours.do("queue_start")
    await theirs.do("queue_start", lane="b")
    assert len(begun(ours)) == len(begun(theirs)) == 1


async def test_a_plan_that_declares_it_claims_the_devices_in_its_arguments(lanes):
    ours, theirs = lanes
    await ours.do("queue_item_add", item=plan(args=[["det1"]]), **USER)
    await ours.do("queue_start")
    await theirs.add("scan", claims=["default/det1"])
    await theirs.do("queue_start", lane="b")
    assert shown(theirs)["claimed_by"][0]["claim"] == "default/det1"


async def test_claims_are_part_of_an_item_and_go_with_its_copies(lanes):
    ours, _ = lanes
    [uid] = await ours.add("scan", **SHUTTER)
    assert (await ours.do("queue_get"))["items"][0]["claims"] == ["shutter"]
    await ours.do("queue_start")
    await ours.run_plan()
    await ours.finish("failed")
    assert (await ours.do("queue_get"))["items"][0]["claims"] == ["shutter"]
    assert (await ours.do("history_get"))["items"][0]["item_uid"] == uid


async def test_a_wrong_list_of_claims_is_refused_and_adds_nothing(lanes):
    ours, _ = lanes
    assert "item.claims" in (await ours.refuse("queue_item_add", item=plan(claims=[]), **USER))["msg"]


async def test_two_lanes_take_turns(waiting):
    ours, theirs, _, head = waiting
    [after] = await ours.add("scan", **SHUTTER)
    await theirs.add("scan", **SHUTTER)
    await ours.finish()
    assert (begun(theirs), shown(ours)["waiting_item_uid"]) == ([head], after)
    await theirs.run_plan()
    await theirs.finish()
    assert begun(ours)[-1] == after
    assert shown(theirs)["waiting_item_uid"] is not None


@pytest.mark.parametrize("outcome", ["failed", "unknown", "aborted"])
async def test_whatever_the_outcome_the_claims_are_free(waiting, outcome):
    ours, theirs, _, head = waiting
    if outcome == "unknown":
        await ours.exit()
    else:
        await ours.finish(outcome)
    assert begun(theirs) == [head]


async def test_a_queue_that_waits_can_be_stopped_and_started_again(waiting):
    ours, theirs, _, head = waiting
    await theirs.do("queue_stop", lane="b")
    assert (shown(theirs)["manager_state"], shown(theirs)["claimed_by"]) == ("idle", [])
    await ours.finish()
    assert begun(theirs) == []
    await theirs.do("queue_start", lane="b")
    assert begun(theirs) == [head]


async def test_an_item_behind_begins_when_the_head_that_waits_is_removed(waiting):
    _, theirs, _, head = waiting
    [behind] = await theirs.add("scan", claims=["robot"])
    await theirs.do("queue_item_remove", uid=head, lane="b")
    assert begun(theirs) == [behind]


async def test_the_queue_stops_when_the_only_item_that_waits_is_removed(waiting):
    _, theirs, _, _ = waiting
    await theirs.do("queue_clear", lane="b")
    assert shown(theirs)["manager_state"] == "idle"


async def test_a_head_that_is_held_while_it_waits_stops_the_queue(waiting):
    _, theirs, _, head = waiting
    await theirs.do("queue_item_hold", uid=head, reason="not yet", lane="b")
    assert (shown(theirs)["manager_state"], shown(theirs)["condition"]) == ("idle", "held")


async def test_destroying_the_environment_ends_the_wait(waiting):
    ours, theirs, _, head = waiting
    await theirs.do("environment_destroy", lane="b")
    await theirs.exit("killed")
    await ours.finish()
    assert (begun(theirs), await theirs.uids()) == ([], [head])
    assert shown(theirs)["manager_state"] == "idle"


async def test_an_emergency_stop_ends_the_wait(waiting):
    ours, theirs, _, head = waiting
    theirs.engine.command(EstopRequested("b", "jdoe", "smoke", 1.0), Origin(user="jdoe"))
    await theirs.settle()
    assert (shown(theirs)["condition"], shown(theirs)["claimed_by"]) == ("estopped", [])
    await ours.finish()
    assert (begun(theirs), await theirs.uids()) == ([], [head])


async def test_an_item_is_not_executed_at_once_beside_one_that_claims_the_same(waiting):
    _, theirs, running, _ = waiting
    await theirs.do("queue_stop", lane="b")
    reply = await theirs.refuse("queue_item_execute", item=plan("scan", **SHUTTER), lane="b", **USER)
    assert running in reply["msg"]
    assert "'shutter'" in reply["msg"]
    await theirs.do("queue_item_execute", item=plan("scan", claims=["robot"]), lane="b", **USER)
    assert len(begun(theirs)) == 1


async def test_the_next_manager_knows_what_is_claimed_and_who_waits(waiting, store):
    ours, _, running, head = waiting
    await ours.end()
    again, other = await begin(store, serving=False)
    assert shown(other)["claimed_by"] == [{"claim": "shutter", "lane": "default", "item_uid": running}]
    again.hello(attempt=ours.key, re_state="running")
    other.hello()
    await again.engine.post(lambda turn: turn.apply(RecoveryFinished()))
    assert begun(other) == []
    await again.report(ItemFinished, attempt=ours.key, outcome="completed", time_start=1.0, time_stop=2.0)
    assert begun(other) == [head]
    await again.end()
