"""Taking edits of the queue back: exactly, in the order of their making, or not at all and with the reason."""

from __future__ import annotations

from itertools import pairwise

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.codec import decode
from queue_server.storage.memory import MemoryStore
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.bench import USER, Bench, plan

ANNA = {"user": "anna", "user_group": "primary"}
BOB = {"user": "bob", "user_group": "primary"}


async def edits_in(bench):
    """Return the events of edits and undos, oldest first."""
    events = (await bench.do("events_get", limit=1000))["events"]
    return [event for event in events if event["kind"].startswith("queue_")]


async def test_an_added_item_is_taken_out_again(bench, queue):
    [uid] = await bench.add("count")
    reply = await bench.do("queue_undo")
    [undone] = reply["undone"]
    assert (undone["kind"], undone["user"], undone["item_uids"]) == ("queue_item_add", "jdoe", [uid])
    assert await bench.uids() == queue
    assert (reply["qsize"], reply["plan_queue_uid"]) == (4, bench.status["plan_queue_uid"])


async def test_a_cleared_queue_comes_back_with_held_items_and_their_reasons(bench, queue):
    await bench.do("queue_item_hold", uid=queue[1], reason="the shutter is closed")
    before = (await bench.do("queue_get"))["items"]
    await bench.do("queue_clear")
    await bench.do("queue_undo")
    assert (await bench.do("queue_get"))["items"] == before
    assert before[1]["hold_reason"] == "the shutter is closed"


async def test_an_item_that_was_changed_gets_its_old_content_and_its_old_uid(bench, queue):
    before = (await bench.do("queue_get"))["items"]
    await bench.do("queue_item_update", item={**plan("scan", kwargs={"num": 7}), "item_uid": queue[2]}, **USER)
    item = {**plan("scan", kwargs={"num": 8}), "item_uid": queue[2]}
    await bench.do("queue_item_update", item=item, replace=True, **USER)
    await bench.do("queue_undo", steps=2)
    assert (await bench.do("queue_get"))["items"] == before


async def test_several_steps_go_back_one_after_the_other(bench, queue):
    await bench.do("queue_item_move", uid=queue[3], pos_dest="front")
    await bench.do("queue_item_remove_batch", uids=[queue[0], queue[2]])
    await bench.do("queue_item_move", uid=queue[1], pos_dest="front")
    reply = await bench.do("queue_undo", steps=3)
    assert await bench.uids() == queue
    kinds = [undone["kind"] for undone in reply["undone"]]
    assert kinds == ["queue_item_move", "queue_item_remove_batch", "queue_item_move"]


async def test_an_undo_is_not_undone_but_goes_further_back(bench, queue):
    await bench.do("queue_item_remove", uid=queue[0])
    await bench.do("queue_item_remove", uid=queue[1])
    await bench.do("queue_undo")
    assert await bench.uids() == queue[1:]
    await bench.do("queue_undo")
    assert await bench.uids() == queue
    # What is left is the batch itself.
    await bench.do("queue_undo")
    assert await bench.uids() == []
    assert "no edit to undo" in (await bench.refuse("queue_undo"))["msg"]


async def test_more_steps_than_there_are_edits_change_nothing(bench, queue):
    await bench.do("queue_item_remove", uid=queue[0])
    reply = await bench.refuse("queue_undo", steps=3)
    assert "Only 2 of 3 edits can be undone" in reply["msg"]
    assert (reply["undone"], reply["qsize"]) == ([], None)


@pytest.mark.parametrize("params", [{"steps": 0}, {"steps": 101}, {"steps": "2"}, {"edits_of": ""}])
async def test_parameters_out_of_bounds_are_refused_by_name(bench, queue, params):
    reply = await bench.refuse("queue_undo", **params)
    assert reply["error"]["details"]["field"] == next(iter(params))


# --- what has happened since ----------------------------------------------------------------------------------------


async def test_adding_an_item_that_runs_is_not_undone(bench, running):
    reply = await bench.refuse("queue_undo", steps=3)
    assert reply["error"]["code"] == "wrong_state"
    assert reply["error"]["details"] == {"seq": 3, "kind": "queue_item_add", "item_uid": running}
    assert f"Event 3 (queue_item_add) cannot be undone: the item {running!r} has started since." in reply["msg"]


async def test_an_item_that_has_finished_counts_as_started_also_if_its_copy_waits(bench, running):
    await bench.finish("failed")
    reply = await bench.refuse("queue_undo", steps=3)
    assert f"{running!r} has started since" in reply["msg"]


async def test_edits_behind_a_running_item_can_be_undone(bench, running):
    before = await bench.uids()
    await bench.do("queue_clear")
    await bench.do("queue_undo")
    assert await bench.uids() == before


async def test_a_place_is_found_by_the_neighbour_that_is_left(bench):
    await bench.open()
    first, second, third = await bench.add("count", "scan", "count")
    await bench.do("queue_item_remove", uid=second)
    await bench.do("queue_start")
    assert bench.key.item_uid == first
    await bench.do("queue_undo")
    assert await bench.uids() == [second, third]


async def test_a_place_whose_neighbours_have_both_gone_cannot_be_restored(bench):
    await bench.open()
    first, second, third = await bench.add("count", "scan", "count")
    await bench.do("queue_item_remove", uid=second)
    await bench.do("queue_start")
    await bench.finish()
    assert bench.key.item_uid == third
    # The copy of the plan that fails stands where nobody was.
    await bench.finish("failed")
    [copy] = await bench.uids()
    reply = await bench.refuse("queue_undo")
    assert f"{first}, {third}" in reply["msg"]
    assert reply["error"]["details"]["item_uid"] == second
    await bench.do("queue_item_remove", uid=copy)
    await bench.do("queue_undo")
    assert "its neighbours have started" in (await bench.refuse("queue_undo"))["msg"]


async def test_a_queue_that_is_empty_has_one_place(bench):
    await bench.open()
    [uid] = await bench.add("count")
    await bench.do("queue_item_remove", uid=uid)
    await bench.do("queue_undo")
    assert await bench.uids() == [uid]


async def test_an_item_that_is_taken_back_no_longer_holds_up_the_lane(bench):
    await bench.open()
    [uid] = await bench.add("count")
    await bench.do("queue_item_hold", uid=uid)
    await bench.do("queue_autostart", enable=True)
    assert bench.status["lanes"][0]["condition"] == "held"
    await bench.do("queue_undo")
    assert bench.key.item_uid == uid


# --- several people -------------------------------------------------------------------------------------------------


async def add_as(bench, who, name="count"):
    return (await bench.do("queue_item_add", item=plan(name), **who))["item"]["item_uid"]


async def change_as(bench, who, uid, number):
    item = {**plan("scan", kwargs={"num": number}), "item_uid": uid}
    await bench.do("queue_item_update", item=item, **who)


async def test_the_latest_edits_of_one_user_are_undone_past_those_of_others(bench):
    hers, his = await add_as(bench, ANNA), await add_as(bench, BOB)
    await bench.do("queue_undo", edits_of="anna", **ANNA)
    assert await bench.uids() == [his]
    assert "no edit of 'anna'" in (await bench.refuse("queue_undo", edits_of="anna"))["msg"]
    await bench.do("queue_undo", edits_of="bob")
    assert await bench.uids() == []
    assert hers != his


async def test_an_item_that_somebody_else_has_changed_later_is_left_alone(bench):
    uid = await add_as(bench, ANNA)
    await change_as(bench, ANNA, uid, 1)
    await change_as(bench, BOB, uid, 2)
    reply = await bench.refuse("queue_undo", edits_of="anna")
    assert "was changed since by event 3 (queue_item_update by bob)" in reply["msg"]
    assert reply["error"]["details"] == {"seq": 2, "kind": "queue_item_update", "item_uid": uid}
    # What was undone is no change any more.
    await bench.do("queue_undo", edits_of="bob")
    await bench.do("queue_undo", edits_of="anna")
    assert (await bench.do("queue_get"))["items"][0].get("kwargs") is None


async def test_every_edit_tells_who_asked_for_it(bench, queue):
    for method, params in (
        ("queue_item_move", {"uid": queue[0], "pos_dest": "back"}),
        ("queue_item_move_batch", {"uids": queue[1:2], "pos_dest": "back"}),
        ("queue_item_hold", {"uid": queue[0]}),
        ("queue_item_release", {"uid": queue[0]}),
        ("queue_item_remove", {"uid": queue[0]}),
        ("queue_item_remove_batch", {"uids": queue[1:2]}),
        ("queue_clear", {}),
        ("queue_undo", {}),
    ):
        await bench.do(method, **params, **BOB)
    events = (await edits_in(bench))[1:]
    assert {(event["origin"]["user"], event["origin"]["group"]) for event in events} == {("bob", "primary")}
    assert len(events) == 8


async def test_who_undid_what_stands_in_the_log(bench):
    uid = await add_as(bench, ANNA)
    await bench.do("queue_undo", **BOB)
    undo = (await edits_in(bench))[-1]
    assert (undo["kind"], undo["origin"]["user"], undo["data"]["undone"]) == ("queue_undo", "bob", [1])
    assert undo["data"]["item_uids"] == [uid]


# --- how it is asked for --------------------------------------------------------------------------------------------


async def test_an_undo_that_is_repeated_under_its_key_is_done_once(bench, queue):
    await bench.add("count", "scan")
    asked = {"idempotency_key": "k1"}
    first, second = [decode(await bench.request("queue_undo", _envelope=asked))[0] for _ in range(2)]
    assert first == second
    assert len(await bench.uids()) == 5


async def test_an_undo_for_another_queue_is_refused(bench, queue):
    seen = await bench.queue_uid()
    await bench.add("count")
    reply = decode(await bench.request("queue_undo", _envelope={"if_queue_uid": seen}))[0]
    assert reply["error"]["code"] == "stale"
    assert len(await bench.uids()) == 5
    now = {"if_queue_uid": await bench.queue_uid()}
    assert decode(await bench.request("queue_undo", _envelope=now))[0]["success"]


async def test_a_locked_queue_is_not_undone(bench, queue):
    await bench.do("lock", lock_key="key", user="anna", queue=True)
    assert (await bench.refuse("queue_undo"))["error"]["code"] == "locked"
    await bench.do("queue_undo", lock_key="key")


async def test_an_edit_that_is_too_large_says_so_in_the_log_and_when_it_is_to_be_undone(bench):
    items = [plan("count", meta={"note": "x" * 450_000}) for _ in range(10)]
    reply = await bench.do("queue_item_add_batch", items=items, **USER)
    uids = [item["item_uid"] for item in reply["items"]]
    await bench.do("queue_item_remove_batch", uids=uids[:2])
    await bench.do("queue_undo")
    assert await bench.uids() == uids
    await bench.do("queue_clear")
    assert (await edits_in(bench))[-1]["data"]["too_large_to_undo"] is True
    assert "too large to be remembered" in (await bench.refuse("queue_undo"))["msg"]
    # It also stands in the way of everything before it.
    assert "Event 4 (queue_clear)" in (await bench.refuse("queue_undo", steps=2))["msg"]


async def test_edits_are_undone_after_a_restart(bench, queue, store, directory):
    await bench.do("queue_clear")
    await bench.end()
    await store.close()
    injected = {"clock": ManualClock(), "chance": Chance.seeded(2)}
    again = store.reopen() if isinstance(store, MemoryStore) else open_sqlite(directory, **injected)
    restarted = await Bench.begin(again)
    try:
        await restarted.do("queue_undo")
        assert await restarted.uids() == queue
    finally:
        await restarted.end()
        await again.close()


# --- what the log says ----------------------------------------------------------------------------------------------


async def test_every_edit_tells_from_which_queue_to_which_it_led(bench, queue):
    seen = await bench.queue_uid()
    for method, params in (
        ("queue_item_move", {"uid": queue[0], "pos_dest": "back"}),
        ("queue_item_hold", {"uid": queue[0]}),
        ("queue_item_release", {"uid": queue[0]}),
        ("queue_item_remove", {"uid": queue[0]}),
        ("queue_clear", {}),
        ("queue_undo", {"steps": 2}),
    ):
        await bench.do(method, **params)
        event = (await edits_in(bench))[-1]
        assert (event["kind"], event["data"]["queue_uid_before"]) == (method, seen)
        seen = event["data"]["queue_uid"]
        assert seen == await bench.queue_uid()


async def test_the_events_of_running_items_go_on_from_queue_to_queue(bench):
    await bench.open()
    await bench.add("count", "scan")
    await bench.do("queue_autostart", enable=True)
    await bench.finish()
    await bench.finish("failed")
    events = (await bench.do("events_get", limit=1000))["events"]
    links = [event["data"] for event in events if "queue_uid" in event["data"]]
    assert all(one["queue_uid"] == other["queue_uid_before"] for one, other in pairwise(links))
    assert links[-1]["queue_uid"] == await bench.queue_uid()
    kinds = [event["kind"] for event in events if "queue_uid" in event["data"]]
    assert kinds[:2] == ["queue_item_add", "queue_item_add"]
    assert kinds[2:] == ["item_started", "item_finished", "item_started", "item_finished"]


async def test_with_autostart_an_item_is_added_before_it_starts(bench):
    await bench.open()
    await bench.do("queue_autostart", enable=True)
    [uid] = await bench.add("count")
    events = (await bench.do("events_get", item_uid=uid))["events"]
    assert [event["kind"] for event in events] == ["queue_item_add", "item_started"]
