"""A batch is created as a whole or not at all."""

from __future__ import annotations

import pytest

from queue_server.protocol.limits import Limits
from tests.doubles.bench import INSTRUCTION, USER, Bench, plan


async def test_the_items_of_a_batch_stand_side_by_side_in_their_order(bench, create):
    [first] = await bench.add("scan")
    await bench.add("scan")
    reply = await create(3, 5, 7, pos=1)
    assert await bench.uids() == [first, *(item["item_uid"] for item in reply["items"]), (await bench.uids())[-1]]
    nums = [item["kwargs"]["num"] for item in (await bench.do("queue_get"))["items"][1:4]]
    assert nums == [3, 5, 7]


async def test_the_reply_describes_the_batch(bench, create):
    reply = await create(3, 5, name="energies", project="demo")
    batch = reply["batch"]
    assert batch == {
        "id": batch["id"],
        "name": "energies",
        "project": "demo",
        "owner": "jdoe",
        "workflow_id": None,
        "lane": "default",
        "created": bench.clock.wall(),
        "size": 2,
        "counts": {"queued": 2},
        "is_held": False,
    }
    assert reply["is_repetition"] is False
    assert await bench.do("batch_get", batch_id=batch["id"]) == {"success": True, "msg": "", "batch": batch}


async def test_an_item_is_followed_as_a_submission(bench, create):
    reply = await create(3, 5)
    [_, ids] = reply["items"]
    shown = (await bench.do("batch_item_get", batch_id=reply["batch"]["id"], item_id=ids["item_id"]))["submission"]
    expected = {
        "id": ids["submission_id"],
        "item_id": ids["item_id"],
        "item_uid": ids["item_uid"],
        "batch_id": reply["batch"]["id"],
        "ordinal": 1,
        "reference": "points 5",
        "state": "queued",
        "processing": "succeeded",
        "creator": "jdoe",
        "results": [],
    }
    assert {name: shown[name] for name in expected} == expected


async def test_what_a_client_says_of_an_item_is_kept(bench):
    request = {"userReference": "a", "tags": {"userTags": ["x", None]}, "nested": [1, {"deep": True}]}
    given = {"item": plan(), "reference": "mine", "tags": ["blue", "ß"], "request": request}
    reply = await bench.do("batch_create", items=[given], project="demo", **USER)
    page = await bench.do("batch_items", batch_id=reply["batch"]["id"])
    [shown] = page["items"]
    assert (shown["reference"], shown["tags"], shown["request"], shown["project"]) == (
        "mine",
        ["blue", "ß"],
        request,
        "demo",
    )


async def test_a_sweep_over_a_plan_creates_an_item_for_each_point(bench):
    sweep = {
        "kind": "grid",
        "parameters": {"args[0]": [["det1"], ["det2"]], "num": {"start": 1, "stop": 3, "num": 2}},
        "base": plan(args=[[]], meta={"sample": "a"}),
    }
    reply = await bench.do("batch_create", sweep=sweep, **USER)
    queued = (await bench.do("queue_get"))["items"]
    assert [(item["args"], item["kwargs"], item["meta"]) for item in queued] == [
        ([[name]], {"num": num}, {"sample": "a"}) for name in ("det1", "det2") for num in (1, 3)
    ]
    page = await bench.do("batch_items", batch_id=reply["batch"]["id"])
    assert page["items"][1]["arguments"] == {"args[0]": ["det1"], "num": 3}


async def test_items_go_to_the_lanes_that_they_name(bench):
    await bench.end()
    bench = await type(bench).begin(bench.store, lanes=("default", "other"))
    items = [{"item": plan(lane=lane)} for lane in ("default", "other", "default")]
    reply = await bench.do("batch_create", items=items, **USER)
    uids = [item["item_uid"] for item in reply["items"]]
    assert await bench.uids() == [uids[0], uids[2]]
    assert await bench.in_lane("other").uids() == [uids[1]]
    await bench.end()


async def test_an_item_comes_after_an_earlier_one_by_its_index(bench):
    items = [{"item": plan()}, {"item": plan(after=[0])}]
    reply = await bench.do("batch_create", items=items, **USER)
    last = (await bench.do("queue_get"))["items"][-1]
    assert last["after"] == [reply["items"][0]["item_uid"]]


async def test_a_batch_is_held_from_the_beginning_where_that_is_asked_for(bench, create, states):
    reply = await create(3, 5, held=True)
    assert reply["batch"]["counts"] == {"held": 2}
    assert reply["batch"]["is_held"] is True
    assert await states(reply["batch"]["id"]) == ["held", "held"]


async def test_one_event_tells_of_a_batch_in_a_lane(bench, create):
    since = len(bench.journal)
    reply = await create(3, 5)
    [event] = [event for (event,) in bench.noted("event", since)]
    assert (event.kind, event.origin.user) == ("batch_create", "jdoe")
    assert (event.data["batch_id"], event.data["items"]) == (reply["batch"]["id"], 2)


async def test_the_creation_of_a_batch_can_be_undone(bench, create, states):
    reply = await create(3, 5)
    await bench.do("queue_undo", **USER)
    assert await bench.uids() == []
    assert await states(reply["batch"]["id"]) == ["removed", "removed"]


async def test_every_place_that_is_wrong_is_listed_and_nothing_is_created(bench):
    items = [
        {"item": plan()},
        {"item": plan("nothing")},
        {"item": plan(kwargs={"nm": 3})},
        {"item": INSTRUCTION},
        {"item": plan(), "refrence": "x"},
        {"reference": 3},
        "count",
        {"item": plan(), "arguments": {}},
        {"item": plan(after=[1])},
    ]
    reply = await bench.refuse("batch_create", items=items, **USER)
    found = [error["field"] for error in reply["error"]["details"]["errors"]]
    assert found == [
        "items[1].item.name",
        "items[2].item.nm",
        "items[3].item.item_type",
        "items[4].refrence",
        "items[5].reference",
        "items[5]",
        "items[6]",
        "items[7].item",
        "items[8].item.after[0]",
    ]
    assert "items[4].refrence" in reply["msg"]
    assert (await bench.do("batch_list"))["batches"] == []


async def test_at_most_a_hundred_places_are_listed(bench):
    items = [{"item": plan("nothing")} for _ in range(300)]
    reply = await bench.refuse("batch_create", items=items, **USER)
    details = reply["error"]["details"]
    assert (len(details["errors"]), details["more"]) == (100, True)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": [{"item": plan()}], "sweep": {"parameters": {"num": [1]}}}, "items"),
        ({"sweep": {"parameters": {"num": [1]}}}, "sweep.base"),
        ({"sweep": {"parameters": {"num": []}, "base": plan()}}, "sweep.parameters.num"),
        ({"sweep": {"parameters": {"args[3]": [1]}, "base": plan(args=[[]])}}, "sweep.parameters.args[3]"),
        ({"items": [{"arguments": {}}], "workflow_id": "absent"}, "items[0].workflow_id"),
    ],
)
async def test_a_request_that_does_not_say_what_to_create_is_refused(bench, given, field):
    reply = await bench.refuse("batch_create", **given, **USER)
    assert reply["error"]["details"]["field"] == field


async def test_the_number_of_items_is_limited(store):
    bench = await Bench.begin(store, limits=Limits(max_batch_items=3, max_queue_items=5))
    items = [{"item": plan()}] * 3
    await bench.do("batch_create", items=items, **USER)
    reply = await bench.refuse("batch_create", items=[*items, *items], **USER)
    assert "1 to 3 items, not 6" in reply["msg"]
    reply = await bench.refuse("batch_create", sweep={"parameters": {"num": [1, 2, 3, 4]}, "base": plan()}, **USER)
    assert "at most 3" in reply["msg"]
    reply = await bench.refuse("batch_create", items=items, **USER)
    assert "at most 5" in reply["msg"]
    await bench.end()


async def test_a_lock_of_the_queue_keeps_batches_out(bench):
    await bench.do("lock", queue=True, lock_key="secret", note="", user="jdoe")
    reply = await bench.refuse("batch_create", items=[{"item": plan()}], **USER)
    assert reply["error"]["code"] == "locked"
    await bench.do("batch_create", items=[{"item": plan()}], lock_key="secret", **USER)


async def test_autostart_begins_with_the_first_item_once_all_are_there(bench, create, states):
    await bench.open()
    await bench.do("queue_autostart", enable=True)
    reply = await create(3, 5)
    await bench.settle()
    assert await states(reply["batch"]["id"]) == ["running", "queued"]
