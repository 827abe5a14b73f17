"""Getting, updating, moving, removing and clearing items."""

from __future__ import annotations

import itertools

import pytest

from tests.doubles.bench import INSTRUCTION, USER, plan

ABSENT = "no-such-item"


# --- get ------------------------------------------------------------------------------------------------------------


ADDRESSES = [({}, 3), ({"pos": "back"}, 3), ({"pos": "front"}, 0), ({"pos": 0}, 0), ({"pos": 2}, 2), ({"pos": -1}, 3)]


async def test_an_item_is_found_by_its_position(bench, queue):
    items = (await bench.do("queue_get"))["items"]
    for address, index in ADDRESSES:
        assert (await bench.do("queue_item_get", **address))["item"] == items[index]


async def test_an_item_is_found_by_its_uid(bench, queue):
    assert (await bench.do("queue_item_get", uid=queue[1]))["item"]["item_uid"] == queue[1]


NOT_THERE = [
    ({"pos": 4}, "out of range"),
    ({"pos": -5}, "out of range"),
    ({"uid": ABSENT}, "not in the queue"),
    ({"pos": 0, "uid": ABSENT}, "Ambiguous parameters"),
]


@pytest.mark.parametrize(
    ("method", "prefix", "fields"),
    [
        ("queue_item_get", "Failed to get an item", {"item": {}}),
        ("queue_item_remove", "Failed to remove an item", {"item": {}, "qsize": None}),
    ],
)
async def test_an_item_that_is_not_there_is_refused(bench, queue, method, prefix, fields):
    for address, text in NOT_THERE:
        reply = await bench.refuse(method, **address)
        assert reply["msg"].startswith(prefix)
        assert text in reply["msg"]
        assert {name: reply[name] for name in fields} == fields


async def test_an_empty_queue_has_no_item(bench):
    for method in ("queue_item_get", "queue_item_remove"):
        assert "0 items" in (await bench.refuse(method))["msg"]


async def test_the_running_item_is_not_in_the_queue(bench, running):
    assert "currently running" in (await bench.refuse("queue_item_get", uid=running))["msg"]
    reply = await bench.refuse("queue_item_remove", uid=running)
    assert "Can not remove an item which is currently running" in reply["msg"]


async def test_a_part_of_the_queue_can_be_read(bench, queue):
    reply = await bench.do("queue_get", limit=2, after_uid=queue[0])
    assert [item["item_uid"] for item in reply["items"]] == queue[1:3]
    reply = await bench.refuse("queue_get", after_uid=ABSENT)
    assert (reply["items"], reply["running_item"], reply["plan_queue_uid"]) == ([], {}, "")


# --- remove and clear -----------------------------------------------------------------------------------------------


async def test_an_item_is_removed_by_its_position(bench, queue):
    left = list(queue)
    for address, index in (({"pos": 1}, 1), ({"pos": -2}, 1), ({}, -1), ({"pos": "front"}, 0)):
        reply = await bench.do("queue_item_remove", **address)
        assert reply["item"]["item_uid"] == left.pop(index)
        assert reply["qsize"] == len(left)
        assert await bench.uids() == left


async def test_an_item_is_removed_by_its_uid_and_only_once(bench, queue):
    await bench.do("queue_item_remove", uid=queue[2])
    assert await bench.uids() == [queue[0], queue[1], queue[3]]
    assert "not in the queue" in (await bench.refuse("queue_item_remove", uid=queue[2]))["msg"]


async def test_the_queue_can_be_cleared_and_a_running_item_goes_on(bench, running):
    await bench.do("queue_clear")
    reply = await bench.do("queue_get")
    assert (reply["items"], reply["running_item"]["item_uid"]) == ([], running)


async def test_clearing_an_empty_queue_changes_nothing(bench):
    before = await bench.rows()
    await bench.do("queue_clear")
    assert await bench.rows() == before


# --- update ---------------------------------------------------------------------------------------------------------


async def test_an_update_keeps_place_and_uid(bench, queue):
    changed = plan("scan", kwargs={"num": 7}, item_uid=queue[1])
    reply = await bench.do("queue_item_update", item=changed, **USER)
    assert reply["item"] == {**changed, **USER}
    assert reply["qsize"] == 4
    assert await bench.uids() == queue
    assert (await bench.do("queue_item_get", pos=1))["item"]["kwargs"] == {"num": 7}


async def test_an_update_with_replace_keeps_the_place_and_gives_a_new_uid(bench, queue):
    reply = await bench.do("queue_item_update", item=plan("scan", item_uid=queue[1]), replace=True, **USER)
    new = reply["item"]["item_uid"]
    assert new not in queue
    assert await bench.uids() == [queue[0], new, *queue[2:]]


async def test_an_update_can_turn_a_plan_into_an_instruction(bench, queue):
    await bench.do("queue_item_update", item={**INSTRUCTION, "item_uid": queue[0]}, **USER)
    assert (await bench.do("queue_item_get", pos=0))["item"]["item_type"] == "instruction"


async def test_an_update_names_the_user_who_made_it(bench, queue):
    item = (await bench.do("queue_item_get", pos=0))["item"]
    reply = await bench.do("queue_item_update", item=item, user="ada", user_group="primary")
    assert reply["item"]["user"] == "ada"


async def test_an_update_to_the_same_content_changes_nothing(bench, queue):
    before = await bench.rows()
    item = (await bench.do("queue_item_get", pos=0))["item"]
    assert (await bench.do("queue_item_update", item=item, **USER))["qsize"] == 4
    assert await bench.rows() == before


NO_UPDATES = [
    (None, "request contains no item info"),
    (plan(), "item_uid"),
    (plan(item_uid=5), "item_uid"),
    (plan(item_uid=ABSENT), "not in the queue"),
]


async def test_an_update_of_nothing_is_refused(bench, queue):
    for item, text in NO_UPDATES:
        reply = await bench.refuse("queue_item_update", **({} if item is None else {"item": item}), **USER)
        assert reply["msg"].startswith("Failed to add an item: ")
        assert text in reply["msg"]
        assert (reply["item"], reply["qsize"]) == (item, None)


async def test_an_update_is_checked_like_a_new_item(bench, queue):
    reply = await bench.refuse("queue_item_update", item=plan("absent", item_uid=queue[0]), **USER)
    assert "not in the list of allowed plans" in reply["msg"]


async def test_the_running_item_cannot_be_updated(bench, running):
    reply = await bench.refuse("queue_item_update", item=plan(item_uid=running), **USER)
    assert "currently running" in reply["msg"]


# --- move -----------------------------------------------------------------------------------------------------------


def moved(uids, uid, index):
    """Return the order in which one item has another index."""
    others = [other for other in uids if other != uid]
    return [*others[:index], uid, *others[index:]]


async def test_an_item_moved_to_an_index_has_that_index(bench, queue):
    order = queue
    for source, index in itertools.product(range(4), repeat=2):
        reply = await bench.do("queue_item_move", pos=source, pos_dest=index)
        assert (reply["item"]["item_uid"], reply["qsize"]) == (order[source], 4)
        order = moved(order, order[source], index)
        assert await bench.uids() == order, (source, index)


async def test_an_item_can_be_moved_by_its_uid(bench, queue):
    order = queue
    places = {"front": 0, "back": 3, -1: 3, -4: 0, -2: 2}
    for uid, (pos_dest, index) in itertools.product(queue, places.items()):
        await bench.do("queue_item_move", uid=uid, pos_dest=pos_dest)
        order = moved(order, uid, index)
        assert await bench.uids() == order, (uid, pos_dest)


async def test_the_source_may_be_counted_from_either_end(bench, queue):
    order = queue
    for pos, source in {"front": 0, "back": 3, -2: 2}.items():
        await bench.do("queue_item_move", pos=pos, pos_dest=1)
        order = moved(order, order[source], 1)
        assert await bench.uids() == order, pos


async def test_an_item_can_be_moved_next_to_any_other(bench, queue):
    for uid, target in itertools.permutations(queue, 2):
        others = [other for other in await bench.uids() if other != uid]
        at = others.index(target)
        await bench.do("queue_item_move", uid=uid, before_uid=target)
        assert await bench.uids() == moved([uid, *others], uid, at)
        await bench.do("queue_item_move", uid=uid, after_uid=target)
        assert await bench.uids() == moved([uid, *others], uid, at + 1)


async def test_an_item_next_to_itself_stays(bench, queue):
    before = await bench.rows()
    await bench.do("queue_item_move", uid=queue[1], before_uid=queue[1])
    assert await bench.rows() == before


async def test_an_item_moved_to_where_it_is_leaves_no_trace(bench, queue):
    before = await bench.rows()
    await bench.do("queue_item_move", uid=queue[1], after_uid=queue[0])
    await bench.do("queue_item_move", uid=queue[1], before_uid=queue[2])
    await bench.do("queue_item_move", pos=2, pos_dest=2)
    assert await bench.rows() == before


NO_MOVES = [
    ({"pos": 0}, "Destination position or UID is not specified"),
    ({"pos_dest": 0}, "Source position or UID is not specified"),
    ({"pos": 0, "uid": ABSENT, "pos_dest": 0}, "Ambiguous parameters"),
    ({"pos": 0, "pos_dest": 0, "before_uid": ABSENT}, "Ambiguous parameters"),
    ({"pos": 0, "before_uid": ABSENT, "after_uid": ABSENT}, "Ambiguous parameters"),
    ({"pos": 4, "pos_dest": 0}, "out of range"),
    ({"pos": 0, "pos_dest": 4}, "out of range"),
    ({"pos": 0, "pos_dest": -5}, "out of range"),
    ({"uid": ABSENT, "pos_dest": 0}, "not in the queue"),
    ({"pos": 0, "before_uid": ABSENT}, "not in the queue"),
]


async def test_a_move_without_a_source_or_a_place_is_refused(bench, queue):
    for params, text in NO_MOVES:
        reply = await bench.refuse("queue_item_move", **params)
        assert reply["msg"].startswith("Failed to move the item: ")
        assert text in reply["msg"]
        assert (reply["item"], reply["qsize"]) == ({}, None)


async def test_the_running_item_cannot_be_moved(bench, running):
    assert "currently running" in (await bench.refuse("queue_item_move", uid=running, pos_dest="back"))["msg"]


async def test_an_item_can_be_moved_to_run_next(bench, running):
    first, second = await bench.uids()
    await bench.do("queue_item_move", uid=second, after_uid=running)
    assert await bench.uids() == [second, first]
    await bench.do("queue_item_move", uid=second, after_uid=running)
    assert await bench.uids() == [second, first]
