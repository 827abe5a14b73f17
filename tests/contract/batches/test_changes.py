"""A batch is cancelled, held, resumed and tried once more as a whole."""

from __future__ import annotations

from tests.doubles.bench import PLANS, USER, plan


async def test_cancelling_takes_what_waits_and_leaves_what_runs(bench, create, states):
    [alone] = await bench.add("scan")
    reply = await create(1, 2, 3, pos="front")
    await bench.open()
    await bench.do("queue_start")
    await bench.run_plan()
    change = await bench.do("batch_cancel", batch_id=reply["batch"]["id"], **USER)
    assert (change["changed"], change["running"]) == (2, 1)
    assert change["batch"]["counts"] == {"running": 1, "removed": 2}
    assert await bench.uids() == [alone]
    assert await states(reply["batch"]["id"]) == ["running", "removed", "removed"]


async def test_cancelling_again_changes_nothing(bench, create):
    batch_id = (await create(1, 2))["batch"]["id"]
    await bench.do("batch_cancel", batch_id=batch_id, **USER)
    before = await bench.rows()
    change = await bench.do("batch_cancel", batch_id=batch_id, **USER)
    assert (change["changed"], change["batch"]["counts"]) == (0, {"removed": 2})
    assert await bench.rows() == before


async def test_a_cancelled_batch_comes_back_by_undo(bench, create, states):
    before = await bench.add("scan")
    batch_id = (await create(1, 2, 3))["batch"]["id"]
    uids = await bench.uids()
    await bench.do("batch_cancel", batch_id=batch_id, **USER)
    assert await bench.uids() == before
    await bench.do("queue_undo", user="jdoe")
    assert await bench.uids() == uids
    assert await states(batch_id) == ["queued", "queued", "queued"]


async def test_a_held_batch_keeps_its_places_and_goes_on_when_it_is_resumed(bench, create):
    reply = await create(1, 2)
    batch_id, uids = reply["batch"]["id"], await bench.uids()
    change = await bench.do("batch_hold", batch_id=batch_id, reason="the sample is changed", **USER)
    assert (change["changed"], change["batch"]["counts"], change["batch"]["is_held"]) == (2, {"held": 2}, True)
    page = await bench.do("batch_items", batch_id=batch_id)
    assert {item["message"] for item in page["items"]} == {"the sample is changed"}
    await bench.open()
    reply = await bench.ask("queue_start")
    assert reply["success"] is False
    change = await bench.do("batch_resume", batch_id=batch_id, **USER)
    assert (change["changed"], change["batch"]["counts"], change["batch"]["is_held"]) == (2, {"queued": 2}, False)
    assert await bench.uids() == uids
    await bench.do("queue_start")
    await bench.run_plan()
    assert bench.key.item_uid == uids[0]


async def test_holding_keeps_the_reasons_of_what_is_held_already(bench, create):
    reply = await create(1, 2)
    [first, _] = [item["item_uid"] for item in reply["items"]]
    await bench.do("queue_item_hold", uid=first, reason="look at it first", user="jdoe")
    change = await bench.do("batch_hold", batch_id=reply["batch"]["id"], **USER)
    assert change["changed"] == 1
    page = await bench.do("batch_items", batch_id=reply["batch"]["id"])
    assert [item["message"] for item in page["items"]] == ["look at it first", "held with its batch"]


async def test_holding_a_batch_can_be_undone(bench, create, states):
    batch_id = (await create(1, 2, 3))["batch"]["id"]
    await bench.do("batch_hold", batch_id=batch_id, **USER)
    await bench.do("queue_undo", user="jdoe")
    assert await states(batch_id) == ["queued", "queued", "queued"]


async def test_resuming_opens_a_lane_that_stopped_at_a_held_item(bench, create):
    batch_id = (await create(1, 2))["batch"]["id"]
    await bench.open()
    await bench.do("queue_autostart", enable=True)
    await bench.run_plan()
    await bench.do("batch_hold", batch_id=batch_id, **USER)
    await bench.finish()
    assert bench.lane.attempt is None
    await bench.do("batch_resume", batch_id=batch_id, **USER)
    await bench.settle()
    assert bench.lane.attempt is not None


async def fail_without_copy(bench, outcome):
    """Let the next item of the queue end without success, and take the copy of it out."""
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.finish(outcome)
    [copy] = [item["item_uid"] for item in (await bench.do("queue_get"))["items"] if item.get("result")]
    await bench.do("queue_item_remove", uid=copy, user="jdoe")


async def test_items_that_failed_get_another_attempt_at_the_back(bench, create, states, run_items):
    reply = await create(1, 2, 3)
    batch_id, [first, second, _] = reply["batch"]["id"], reply["items"]
    await bench.open()
    await fail_without_copy(bench, "failed")
    await fail_without_copy(bench, "aborted")
    assert await states(batch_id) == ["failed", "aborted", "queued"]
    change = await bench.do("batch_retry", batch_id=batch_id, **USER)
    assert (change["changed"], change["batch"]["counts"]) == (2, {"queued": 3})
    queued = (await bench.do("queue_get"))["items"]
    assert [item["kwargs"]["num"] for item in queued] == [3, 1, 2]
    assert {item["item_uid"] for item in queued[1:]}.isdisjoint({first["item_uid"], second["item_uid"]})
    await bench.do("queue_start")
    for _ in range(3):
        await bench.run_plan()
        await bench.finish()
    shown = (await bench.do("batch_item_get", batch_id=batch_id, item_id=first["item_id"]))["submission"]
    assert [(result["attempt"], result["outcome"]) for result in shown["results"]] == [(1, "failed"), (2, "completed")]
    assert (shown["id"], shown["state"]) == (first["submission_id"], "completed")


async def test_an_item_with_a_copy_in_the_queue_is_not_tried_twice(bench, create, run_items):
    batch_id = (await create(1))["batch"]["id"]
    await run_items("failed")
    change = await bench.do("batch_retry", batch_id=batch_id, **USER)
    assert (change["changed"], change["batch"]["counts"]) == (0, {"queued": 1})


async def test_an_unknown_outcome_is_tried_again_only_where_that_is_asked_for(bench, create, states):
    batch_id = (await create(1))["batch"]["id"]
    await bench.open()
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.exit()
    [copy] = await bench.uids()
    await bench.do("queue_item_remove", uid=copy, user="jdoe")
    assert await states(batch_id) == ["unknown"]
    assert (await bench.do("batch_retry", batch_id=batch_id, **USER))["changed"] == 0
    change = await bench.do("batch_retry", batch_id=batch_id, include_unknown=True, **USER)
    assert (change["changed"], change["batch"]["counts"]) == (1, {"queued": 1})


async def test_an_item_is_tried_again_when_the_history_has_gone(bench):
    items = [{"item": plan()}, {"item": plan(kwargs={"num": 7}, meta={"sample": "a"}, after=[0])}]
    reply = await bench.do("batch_create", items=items, **USER)
    batch_id, [_, last] = reply["batch"]["id"], reply["items"]
    await bench.open()
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.finish()
    await bench.run_plan()
    await bench.finish("failed")
    [copy] = await bench.uids()
    await bench.do("queue_item_remove", uid=copy, user="jdoe")
    await bench.do("history_clear")
    assert (await bench.do("batch_retry", batch_id=batch_id, **USER))["changed"] == 1
    [queued] = (await bench.do("queue_get"))["items"]
    assert (queued["kwargs"], queued["meta"], queued.get("after")) == ({"num": 7}, {"sample": "a"}, None)
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.finish()
    shown = (await bench.do("batch_item_get", batch_id=batch_id, item_id=last["item_id"]))["submission"]
    assert [(result["attempt"], result["outcome"]) for result in shown["results"]] == [(1, "failed"), (2, "completed")]


async def test_nothing_is_tried_again_if_one_item_does_not_fit_any_more(bench, create):
    items = [{"item": plan()}, {"item": plan("scan")}]
    reply = await bench.do("batch_create", items=items, **USER)
    await bench.open()
    await fail_without_copy(bench, "failed")
    await fail_without_copy(bench, "failed")
    await bench.do("environment_close")
    await bench.exit(cause="closed")
    await bench.open({"count": PLANS["count"]})
    refusal = await bench.refuse("batch_retry", batch_id=reply["batch"]["id"], **USER)
    [error] = refusal["error"]["details"]["errors"]
    assert error["field"] == "items[1].item.name"
    assert await bench.uids() == []
