"""Held items: they keep their place, block the queue, and say what would release it."""

from __future__ import annotations

import pytest

from tests.doubles.bench import USER, plan


@pytest.fixture
async def crashed(bench, running):
    """The uid of the held copy that a dead worker has left at the head of the queue."""
    await bench.exit()
    await bench.open()
    return (await bench.uids())[0]


async def test_a_held_item_shows_its_state_and_the_reason_and_counts(bench, queue):
    reply = await bench.do("queue_item_hold", uid=queue[1], reason="ask Ada first")
    assert (reply["item"]["state"], reply["item"]["hold_reason"]) == ("held", "ask Ada first")
    assert reply["qsize"] == 4
    assert (await bench.do("queue_get"))["items"][1] == reply["item"]


async def test_a_released_item_is_as_it_was_before(bench, queue):
    before = (await bench.do("queue_get"))["items"]
    await bench.do("queue_item_hold", uid=queue[1])
    assert (await bench.do("queue_item_release", uid=queue[1]))["item"] == before[1]
    assert (await bench.do("queue_get"))["items"] == before


async def test_holding_twice_for_the_same_reason_changes_nothing(bench, queue):
    await bench.do("queue_item_hold", uid=queue[1], reason="once")
    before = await bench.rows()
    await bench.do("queue_item_hold", uid=queue[1], reason="once")
    assert await bench.rows() == before
    await bench.do("queue_item_hold", uid=queue[1], reason="again")
    assert (await bench.do("queue_item_get", uid=queue[1]))["item"]["hold_reason"] == "again"


async def test_an_item_that_is_not_held_cannot_be_released(bench, queue):
    reply = await bench.refuse("queue_item_release", uid=queue[0])
    assert reply["msg"].startswith("Failed to release the item: ")
    assert "is not held" in reply["msg"]


@pytest.mark.parametrize("method", ["queue_item_hold", "queue_item_release"])
async def test_what_is_not_in_the_queue_can_be_neither_held_nor_released(bench, running, method):
    assert "currently running" in (await bench.refuse(method, uid=running))["msg"]
    reply = await bench.refuse(method, uid="no-such-item")
    assert "not in the queue" in reply["msg"]
    assert (reply["item"], reply["qsize"]) == (None, None)


async def test_a_held_head_refuses_the_start_and_names_the_verb_that_releases_it(bench, crashed):
    reply = await bench.refuse("queue_start")
    assert "held" in reply["msg"]
    assert "queue_item_release" in reply["msg"]
    assert "SIGSEGV" in reply["msg"]
    assert reply["error"]["code"] == "wrong_state"
    assert reply["error"]["details"]["item_uid"] == crashed


async def test_a_held_item_behind_the_head_does_not_refuse_the_start(bench):
    await bench.open()
    _, second = await bench.add("count", "scan")
    await bench.do("queue_item_hold", uid=second)
    await bench.do("queue_start")
    assert bench.status["manager_state"] == "starting_queue"


async def deal_with(bench, uid, how):
    """Do one of the things that a person can do about a held item."""
    if how == "update":
        await bench.do("queue_item_update", item=plan("scan", item_uid=uid), **USER)
    elif how == "clear":
        await bench.do("queue_clear")
    else:
        await bench.do(f"queue_item_{how}", uid=uid)


@pytest.mark.parametrize("how", ["release", "remove", "update", "clear"])
async def test_whoever_deals_with_the_held_item_opens_the_lane(bench, crashed, how):
    assert bench.lane.condition == "held"
    await deal_with(bench, crashed, how)
    assert bench.lane.condition == "open"
    await bench.do("queue_start")


@pytest.mark.parametrize("how", ["release", "remove", "update"])
async def test_dealing_with_another_held_item_leaves_the_lane_held(bench, crashed, how):
    other = (await bench.uids())[-1]
    await bench.do("queue_item_hold", uid=other)
    await deal_with(bench, other, how)
    assert bench.lane.condition == "held"
    await bench.refuse("queue_start")


async def test_a_held_copy_that_is_released_runs_as_the_next_attempt(bench, crashed, running):
    await bench.do("queue_item_release", uid=crashed)
    await bench.do("queue_start")
    assert (bench.key.item_uid, bench.key.number) == (crashed, 2)


async def test_a_held_item_can_be_moved_and_stays_held(bench, crashed):
    await bench.do("queue_item_move", uid=crashed, pos_dest="back")
    assert (await bench.do("queue_get"))["items"][-1]["state"] == "held"
    await bench.do("queue_start")


async def test_a_hold_without_an_item_or_a_reason_is_refused_by_name(bench):
    for params in ({}, {"uid": 5}, {"uid": "x", "reason": ""}, {"uid": "x", "reason": "y" * 501}):
        reply = await bench.refuse("queue_item_hold", **params)
        assert reply["error"]["code"] == "invalid_parameter"
        assert reply["error"]["details"]["field"] == ("reason" if "reason" in params else "uid")
