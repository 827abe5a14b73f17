"""Items that come after others: they wait until those are completed, say for what, and never wait in vain."""

from __future__ import annotations

import pytest

from queue_server.core.events import RecoveryFinished
from queue_server.protocol.items import DEFAULT_LANE
from tests.doubles.bench import INSTRUCTION, USER, Bench, begun, plan, shown


async def begin(store, **more):
    """Return a bench with two lanes, driven as the worker of the lane default, and the same for the lane b."""
    bench = await Bench.begin(store, lanes=(DEFAULT_LANE, "b"), **more)
    return bench, bench.in_lane("b")


@pytest.fixture
async def lanes(store):
    """Two lanes with open environments, whose items claim nothing in common, as the workers of both."""
    ours, theirs = await begin(store)
    for each in (ours, theirs):
        await each.open()
    yield ours, theirs
    await ours.end()


async def add(bench, *after, **more):
    """Add a plan that comes after items to the lane of a worker; return its uid."""
    wanted = {"claims": [f"only of {bench.lane_name}"], **({"after": list(after)} if after else {}), **more}
    [uid] = await bench.add("scan", **wanted)
    return uid


async def start(bench):
    await bench.do("queue_start", **bench.named)


async def run(bench, outcome="completed"):
    """Let the item that was sent to a worker run and end."""
    await bench.run_plan(run_uid=f"run of {bench.key}")
    await bench.finish(outcome)


@pytest.fixture
async def waiting(lanes):
    """The lane default runs an item, and the head of the lane b comes after it; and the uids of both."""
    ours, theirs = lanes
    first = await add(ours)
    second = await add(theirs, first)
    await start(ours)
    await start(theirs)
    return ours, theirs, first, second


async def queue_of(bench):
    return (await bench.do("queue_get", **bench.named))["items"]


# --- it waits, and says for what ----------------------------------------------------------------------------------


async def test_a_head_waits_for_the_item_of_another_lane_and_begins_with_its_end(waiting):
    ours, theirs, first, second = waiting
    lane = shown(theirs)
    assert lane["comes_after"] == [{"item_uid": first, "lane": "default", "is_held": False}]
    assert lane["waiting_for"] == f"the item {first} of the lane 'default' to be completed"
    assert (lane["waiting_item_uid"], lane["manager_state"], lane["claimed_by"]) == (second, "starting_queue", [])
    assert (await ours.do("lanes_get"))["lanes"][1] == lane
    [item] = await queue_of(theirs)
    assert item["after"] == [first]
    await run(ours)
    assert begun(theirs) == [second]
    assert (shown(theirs)["waiting_for"], shown(theirs)["comes_after"]) == ("", [])
    kinds = theirs.events()
    assert kinds.count("item_waits") == 1
    assert kinds.index("item_finished") < kinds.index("item_started", kinds.index("item_waits"))


async def test_it_waits_for_all_of_them(lanes):
    ours, theirs = lanes
    firsts = [await add(ours), await add(ours)]
    second = await add(theirs, *firsts)
    await start(theirs)
    await start(ours)
    assert [each["item_uid"] for each in shown(theirs)["comes_after"]] == firsts
    await run(ours)
    assert [each["item_uid"] for each in shown(theirs)["comes_after"]] == firsts[1:]
    await run(ours)
    assert begun(theirs) == [second]


async def test_what_was_completed_before_keeps_nobody_waiting(lanes):
    ours, theirs = lanes
    first = await add(ours)
    await start(ours)
    await run(ours)
    second = await add(theirs, first)
    await start(theirs)
    assert begun(theirs) == [second]
    assert "item_waits" not in theirs.events()


async def test_a_lane_alone_runs_them_one_after_the_other(store):
    bench = await Bench.begin(store)
    await bench.open()
    first = await add(bench)
    second = await add(bench, first)
    await start(bench)
    await run(bench)
    assert begun(bench) == [first, second]
    await bench.end()


async def test_a_queue_that_waits_can_be_stopped_and_started_again(waiting):
    ours, theirs, _, second = waiting
    await theirs.do("queue_stop", lane="b")
    assert (shown(theirs)["manager_state"], shown(theirs)["comes_after"]) == ("idle", [])
    await run(ours)
    assert begun(theirs) == []
    await start(theirs)
    assert begun(theirs) == [second]


async def test_who_waits_for_an_item_keeps_nobody_from_what_it_claims(lanes):
    ours, theirs = lanes
    first = await add(ours, claims=["shutter"])
    await add(theirs, first, claims=["shutter"])
    await start(theirs)
    assert shown(theirs)["comes_after"]
    await start(ours)
    assert begun(ours) == [first]


async def test_it_waits_for_what_it_claims_once_the_others_are_completed(lanes):
    ours, theirs = lanes
    first = await add(ours)
    shutter = await add(ours, claims=["shutter"])
    second = await add(theirs, first, claims=["shutter"])
    await start(ours)
    await start(theirs)
    await run(ours)
    # It begins first, because it could begin when the other one was not asked for yet.
    assert (begun(theirs), shown(ours)["waiting_item_uid"]) == ([second], shutter)
    await run(theirs)
    assert begun(ours) == [first, shutter]


# --- it is a submission that counts -------------------------------------------------------------------------------


async def test_a_failed_item_is_waited_for_until_a_copy_of_it_is_completed(waiting):
    ours, theirs, first, second = waiting
    await run(ours, "failed")
    assert [each["item_uid"] for each in shown(theirs)["comes_after"]] == [first]
    await start(ours)
    assert begun(theirs) == []
    await run(ours)
    assert begun(theirs) == [second]


async def test_a_held_copy_is_said_to_be_held(waiting):
    ours, theirs, first, second = waiting
    await ours.exit()
    [copy] = await queue_of(ours)
    assert copy["state"] == "held"
    assert shown(theirs)["comes_after"] == [{"item_uid": first, "lane": "default", "is_held": True}]
    assert shown(theirs)["waiting_for"].endswith("to be completed (it is held)")
    await ours.do("queue_item_release", uid=copy["item_uid"])
    assert shown(theirs)["comes_after"][0]["is_held"] is False
    await ours.do("queue_item_hold", uid=copy["item_uid"], reason="why")
    assert shown(theirs)["comes_after"][0]["is_held"] is True
    await ours.do("history_item_resolve", item_uid=first, outcome="completed", reason="all files are there")
    assert begun(theirs) == [second]
    kinds = theirs.events()
    assert kinds.index("item_resolved") < len(kinds) - 1 - kinds[::-1].index("item_started")


async def test_an_item_that_was_replaced_under_another_uid_is_still_the_one_that_is_meant(lanes):
    ours, theirs = lanes
    first = await add(ours)
    second = await add(theirs, first)
    await start(theirs)
    changed = plan(item_uid=first, claims=["y"])
    await ours.do("queue_item_update", item=changed, replace=True, **USER)
    assert shown(theirs)["condition"] == "open"
    await start(ours)
    await run(ours)
    assert begun(theirs) == [second]


async def test_copies_come_after_the_same_items(waiting):
    ours, theirs, first, _ = waiting
    await run(ours)
    await run(theirs, "failed")
    [copy] = await queue_of(theirs)
    assert copy["after"] == [first]
    await start(theirs)
    assert begun(theirs)[-1] == copy["item_uid"]


# --- nothing waits in vain ----------------------------------------------------------------------------------------


async def held_reason(bench, uid):
    """Return why the head of a lane is held, after checking that its lane is, too."""
    [head, *_] = await queue_of(bench)
    assert (head["item_uid"], head["state"], shown(bench)["condition"]) == (uid, "held", "held")
    assert shown(bench)["reason"] == head["hold_reason"]
    assert shown(bench)["manager_state"] == "idle"
    return head["hold_reason"]


async def test_an_item_whose_predecessor_was_removed_is_held(waiting):
    ours, theirs, first, second = waiting
    await run(ours, "failed")
    [copy] = await queue_of(ours)
    await ours.do("queue_item_remove", uid=copy["item_uid"])
    reason = await held_reason(theirs, second)
    assert f"It comes after the item {first}, which ended as 'failed', and no copy of it is left" in reason
    assert "queue_item_update" in reason
    assert theirs.events()[-1] == "item_held"


async def test_an_item_whose_predecessor_never_began_and_was_removed_is_held(lanes):
    ours, theirs = lanes
    first = await add(ours)
    second = await add(theirs, first)
    await start(theirs)
    await ours.do("queue_clear")
    assert "is not in a queue and not in the history any more" in await held_reason(theirs, second)


async def test_a_release_asks_again_and_an_update_with_other_predecessors_helps(waiting):
    ours, theirs, _, second = waiting
    await run(ours, "failed")
    await ours.do("queue_clear")
    await theirs.do("queue_item_release", uid=second, lane="b")
    await start(theirs)
    await held_reason(theirs, second)
    other = await add(ours)
    item = plan("scan", item_uid=second, after=[other], claims=["z"])
    await theirs.do("queue_item_update", item=item, lane="b", **USER)
    await start(theirs)
    assert [each["item_uid"] for each in shown(theirs)["comes_after"]] == [other]


@pytest.mark.parametrize("is_held", [False, True])
async def test_what_stands_behind_in_the_same_lane_is_not_waited_for(lanes, is_held):
    ours, _ = lanes
    first = await add(ours)
    second = await add(ours, first)
    if is_held:
        await ours.do("queue_item_hold", uid=first, reason="why")
    await ours.do("queue_item_move", uid=second, pos_dest="front")
    await start(ours)
    assert "stands behind it in its own lane" in await held_reason(ours, second)
    assert begun(ours) == []
    await ours.do("queue_item_move", uid=first, pos_dest="front")
    if is_held:
        await ours.do("queue_item_release", uid=first)
    await ours.do("queue_item_release", uid=second)
    await start(ours)
    await run(ours)
    assert begun(ours) == [first, second]


async def test_lanes_that_would_wait_for_one_another_are_told(lanes):
    ours, theirs = lanes
    behind_ours, behind_theirs = await add(ours), await add(theirs)
    first, second = await add(ours, behind_theirs), await add(theirs, behind_ours)
    await ours.do("queue_item_move", uid=first, pos_dest="front")
    await theirs.do("queue_item_move", uid=second, pos_dest="front", lane="b")
    await start(ours)
    assert shown(ours)["waiting_item_uid"] == first
    await start(theirs)
    assert "which itself waits for items of the lane 'b'" in await held_reason(theirs, second)
    await theirs.do("queue_item_move", uid=behind_theirs, pos_dest="front", lane="b")
    await start(theirs)
    assert begun(theirs) == [behind_theirs]
    await run(theirs)
    assert begun(ours) == [first]


async def test_an_item_that_has_to_wait_is_not_executed_at_once(waiting):
    ours, theirs, first, _ = waiting
    await theirs.do("queue_stop", lane="b")
    item = plan("scan", after=[first])
    reply = await theirs.refuse("queue_item_execute", item=item, lane="b", **USER)
    assert f"has to wait for the item {first} of the lane 'default' to be completed" in reply["msg"]
    await run(ours, "failed")
    await ours.do("queue_clear")
    reply = await theirs.refuse("queue_item_execute", item=item, lane="b", **USER)
    assert "no copy of it is left" in reply["msg"]
    [uid] = [await add(ours)]
    await start(ours)
    await run(ours)
    await theirs.do("queue_item_execute", item=plan("scan", after=[uid]), lane="b", **USER)
    assert len(begun(theirs)) == 1


# --- a manager that is started again ------------------------------------------------------------------------------


async def test_the_next_manager_waits_for_the_same_and_goes_on(waiting, store):
    ours, _, first, second = waiting
    await ours.run_plan()
    key = ours.key
    await ours.end()
    again, other = await begin(store, serving=False)
    assert [each["item_uid"] for each in shown(other)["comes_after"]] == [first]
    again.hello(attempt=key, re_state="running")
    other.hello()
    await again.engine.post(lambda turn: turn.apply(RecoveryFinished()))
    assert begun(other) == []
    again.journal += ours.journal
    await again.finish()
    assert begun(other)[-1] == second
    await again.end()


# --- what may be asked for ----------------------------------------------------------------------------------------


async def test_in_a_batch_an_index_means_an_earlier_item(lanes):
    ours, theirs = lanes
    sent = [plan(lane="default"), plan("scan", lane="b", after=[0]), plan("scan", lane="b", after=[1, 0])]
    reply = await ours.do("queue_item_add_batch", items=sent, **USER)
    uids = [item["item_uid"] for item in reply["items"]]
    assert [item.get("after") for item in reply["items"]] == [None, uids[:1], [uids[1], uids[0]]]
    assert [item.get("after") for item in await queue_of(theirs)] == [uids[:1], [uids[1], uids[0]]]


@pytest.mark.parametrize(
    ("after", "field", "said"),
    [
        (["nobody"], "item.after[0]", "There is no item 'nobody'"),
        ("nobody", "item.after", "a list of at most 64 uids"),
        ([0], "item.after[0]", "an index only where earlier items stand in the same batch"),
        ([["a"]], "item.after[0]", "the uid of an item"),
        ([""], "item.after[0]", "the uid of an item"),
        (["a"] * 65, "item.after", "a list of at most 64 uids"),
    ],
)
async def test_what_is_no_list_of_items_is_refused_by_its_field(lanes, after, field, said):
    ours, _ = lanes
    reply = await ours.refuse("queue_item_add", item=plan(after=after), **USER)
    assert said in reply["msg"]
    assert reply["error"]["details"]["field"] == field


@pytest.mark.parametrize("index", [1, 2, -1, True])
async def test_an_index_that_means_no_earlier_item_refuses_the_batch(lanes, index):
    ours, _ = lanes
    reply = await ours.refuse("queue_item_add_batch", items=[plan(), plan(after=[index])], **USER)
    assert [result["success"] for result in reply["results"]] == [True, False]
    assert "the index of an earlier item of the batch, 0 to 0" in reply["results"][1]["msg"]


async def test_an_index_of_an_item_that_is_refused_itself_is_said_to_be_that(lanes):
    ours, _ = lanes
    reply = await ours.refuse("queue_item_add_batch", items=[plan("nonsense"), plan(after=[0])], **USER)
    assert "an item of the batch that is itself accepted" in reply["results"][1]["msg"]


async def test_instructions_neither_come_after_items_nor_before_them(lanes):
    ours, _ = lanes
    first = await add(ours)
    reply = await ours.refuse("queue_item_add", item={**INSTRUCTION, "after": [first]}, **USER)
    assert "an instruction waits for no item" in reply["msg"]
    reply = await ours.refuse("queue_item_add_batch", items=[INSTRUCTION, plan(after=[0])], **USER)
    assert "which is never completed" in reply["results"][1]["msg"]


async def test_an_item_does_not_come_after_itself(lanes):
    ours, _ = lanes
    uid = await add(ours)
    reply = await ours.refuse("queue_item_update", item=plan(item_uid=uid, after=[uid]), **USER)
    assert reply["error"]["details"]["field"] == "item.after[0]"


async def test_nothing_and_an_empty_list_are_the_same(lanes):
    ours, _ = lanes
    for after in (None, []):
        reply = await ours.do("queue_item_add", item=plan(after=after), **USER)
        assert "after" not in reply["item"]


async def test_items_are_validated_as_a_batch_that_is_not_added(lanes):
    ours, _ = lanes
    items = [plan(), plan(after=[0]), plan(after=[2]), plan(after=["nobody"])]
    reply = await ours.do("item_validate", items=items, user_group="primary")
    assert [each["valid"] for each in reply["results"]] == [True, True, False, False]
    assert reply["results"][3]["errors"][0]["field"] == "item.after[0]"
