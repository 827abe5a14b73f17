"""Several items at once: removed or moved together, all of them or none."""

from __future__ import annotations

import itertools

import pytest

ABSENT = "no-such-item"


def uids_of(reply):
    """Return the uids in a reply."""
    return [item["item_uid"] for item in reply["items"]]


# --- remove ---------------------------------------------------------------------------------------------------------


async def test_items_are_removed_in_the_order_in_which_they_are_named(bench, queue):
    reply = await bench.do("queue_item_remove_batch", uids=[queue[3], queue[1]])
    assert uids_of(reply) == [queue[3], queue[1]]
    assert reply["qsize"] == 2
    assert await bench.uids() == [queue[0], queue[2]]


async def test_what_is_not_there_is_passed_over_unless_that_matters(bench, queue, store):
    uids = [ABSENT, queue[0], queue[0]]
    reply = await bench.refuse("queue_item_remove_batch", uids=uids, ignore_missing=False)
    assert "repeated" in reply["msg"]
    reply = await bench.refuse("queue_item_remove_batch", uids=uids[:2], ignore_missing=False)
    assert reply["msg"].startswith("Failed to remove a batch of items: The queue does not contain items")
    assert reply["error"]["details"]["missing"] == [ABSENT]
    assert (reply["items"], reply["qsize"]) == ([], None)
    reply = await bench.do("queue_item_remove_batch", uids=uids)
    assert uids_of(reply) == [queue[0]]


async def test_the_running_item_is_not_in_the_queue(bench, running):
    assert (await bench.do("queue_item_remove_batch", uids=[running]))["items"] == []
    reply = await bench.refuse("queue_item_remove_batch", uids=[running], ignore_missing=False)
    assert "does not contain" in reply["msg"]


@pytest.mark.parametrize("method", ["queue_item_remove_batch", "queue_item_move_batch"])
async def test_a_batch_of_nothing_succeeds_and_changes_nothing(bench, queue, method):
    place = {"pos_dest": "front"} if method == "queue_item_move_batch" else {}
    before = await bench.rows()
    reply = await bench.do(method, uids=[], **place)
    assert (reply["items"], reply["qsize"]) == ([], 4)
    assert await bench.rows() == before
    assert "list of UIDs" in (await bench.refuse(method, **place))["msg"]


async def test_a_held_head_that_is_removed_in_a_batch_opens_the_lane(bench, running):
    await bench.exit()
    assert bench.lane.condition == "held"
    await bench.do("queue_item_remove_batch", uids=await bench.uids())
    assert bench.lane.condition == "open"


# --- move -----------------------------------------------------------------------------------------------------------


async def test_items_are_moved_side_by_side_in_the_order_in_which_they_are_named(bench, queue):
    a, b, c, d = queue
    reply = await bench.do("queue_item_move_batch", uids=[d, b], pos_dest="front")
    assert uids_of(reply) == [d, b]
    assert reply["qsize"] == 4
    assert await bench.uids() == [d, b, a, c]
    await bench.do("queue_item_move_batch", uids=[d, a], pos_dest="back")
    assert await bench.uids() == [b, c, d, a]


async def test_items_can_keep_the_order_that_they_have(bench, queue):
    a, b, c, d = queue
    reply = await bench.do("queue_item_move_batch", uids=[d, a], before_uid=c, reorder=True)
    assert uids_of(reply) == [a, d]
    assert await bench.uids() == [b, a, d, c]


async def test_a_batch_can_be_put_next_to_any_item_that_is_not_in_it(bench, queue):
    for first, second, target in itertools.permutations(queue, 3):
        for place in ("before_uid", "after_uid"):
            await bench.do("queue_item_move_batch", uids=[first, second], **{place: target})
            order = await bench.uids()
            at = order.index(target)
            expected = order[at - 2 : at] if place == "before_uid" else order[at + 1 : at + 3]
            assert expected == [first, second], (first, second, target, place)


async def test_a_batch_that_stands_there_already_leaves_no_trace(bench, queue):
    before = await bench.rows()
    await bench.do("queue_item_move_batch", uids=queue[1:3], after_uid=queue[0])
    await bench.do("queue_item_move_batch", uids=queue[:2], pos_dest="front")
    await bench.do("queue_item_move_batch", uids=queue[::-1], pos_dest="back", reorder=True)
    assert await bench.rows() == before


async def test_a_batch_can_be_moved_to_run_next(bench, running):
    first, second = await bench.uids()
    await bench.do("queue_item_move_batch", uids=[second, first], after_uid=running)
    assert await bench.uids() == [second, first]


async def test_a_move_that_is_not_clear_is_refused_whole(bench, queue):
    a, b = queue[:2]
    refused = [
        ({"uids": [a]}, "destination"),
        ({"uids": [a], "pos_dest": "front", "after_uid": b}, "Ambiguous parameters"),
        ({"uids": [a, a], "pos_dest": "front"}, "repeated"),
        ({"uids": [a, b], "before_uid": b}, "in the batch"),
        ({"uids": [a, ABSENT], "pos_dest": "front"}, "The queue does not contain items"),
        ({"uids": [a], "after_uid": ABSENT}, "not in the queue"),
        ({"uids": [a], "pos_dest": 0}, "pos_dest"),
        ({"uids": a, "pos_dest": "front"}, "uids"),
    ]
    for params, text in refused:
        reply = await bench.refuse("queue_item_move_batch", **params)
        assert reply["msg"].startswith("Failed to move the batch of items: ")
        assert text in reply["msg"]
        assert (reply["items"], reply["qsize"]) == ([], None)
