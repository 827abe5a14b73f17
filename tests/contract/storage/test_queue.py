"""The queue of a lane: what goes in, where it stands, and how it is taken out."""

from __future__ import annotations

import pytest

from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.protocol.items import BACK, FRONT, Place


async def test_a_new_store_is_empty(store, order):
    assert await order() == []
    assert await store.transact(lambda tx: tx.count_queue("default")) == 0
    assert await store.transact(lambda tx: tx.item("a")) is None
    assert await store.transact(lambda tx: tx.item_at("default", 0)) is None


async def test_an_item_is_read_as_it_was_inserted(store, item):
    held = item("a", state="held", reason="look first", attempt=2, submission="s", content={"kwargs": {"num": 3}})
    await store.transact(lambda tx: tx.insert([held], BACK))
    assert await store.transact(lambda tx: tx.item("a")) == held
    assert await store.transact(lambda tx: tx.queue("default")) == [held]


async def test_inserting_nothing_changes_nothing(store, order):
    await store.transact(lambda tx: tx.insert([], FRONT))
    assert await order() == []


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (BACK, ["a", "b", "c", "x", "y"]),
        (FRONT, ["x", "y", "a", "b", "c"]),
        (Place(0), ["x", "y", "a", "b", "c"]),
        (Place(1), ["a", "x", "y", "b", "c"]),
        (Place(3), ["a", "b", "c", "x", "y"]),
        (Place(before_uid="a"), ["x", "y", "a", "b", "c"]),
        (Place(before_uid="c"), ["a", "b", "x", "y", "c"]),
        (Place(after_uid="a"), ["a", "x", "y", "b", "c"]),
        (Place(after_uid="c"), ["a", "b", "c", "x", "y"]),
    ],
)
async def test_items_are_inserted_side_by_side_at_a_place(place, expected, fill, order):
    await fill("a", "b", "c")
    await fill("x", "y", place=place)
    assert await order() == expected


@pytest.mark.parametrize("place", [FRONT, BACK, Place(0)])
async def test_every_kind_of_place_exists_in_an_empty_queue(place, fill, order):
    await fill("a", "b", place=place)
    assert await order() == ["a", "b"]


async def test_the_order_survives_hundreds_of_insertions_at_one_place(fill, order):
    await fill("first", "last")
    for number in range(60):
        await fill(f"n{number:02}", place=Place(after_uid="first"))
    assert await order() == ["first", *(f"n{number:02}" for number in reversed(range(60))), "last"]


async def test_the_order_survives_hundreds_of_moves_between_two_neighbours(store, fill, order):
    await fill("a", "b", "c", "d")
    for _ in range(40):
        await store.transact(lambda tx: tx.move("c", Place(after_uid="a")))
        await store.transact(lambda tx: tx.move("b", Place(after_uid="a")))
    assert await order() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("position", [-1, 3])
async def test_an_index_outside_of_the_queue_is_refused(position, fill, order):
    await fill("a", "b")
    with pytest.raises(ParameterError, match="0 to 2"):
        await fill("x", place=Place(position))
    assert await order() == ["a", "b"]


@pytest.mark.parametrize("place", [Place(before_uid="gone"), Place(after_uid="gone")])
async def test_a_neighbour_that_does_not_exist_is_refused(place, fill, order):
    await fill("a")
    with pytest.raises(NotFoundError, match="gone"):
        await fill("x", place=place)
    assert await order() == ["a"]


async def test_a_neighbour_in_another_lane_is_refused(fill, order):
    await fill("a", lane="other")
    with pytest.raises(NotFoundError, match="lane default"):
        await fill("x", place=Place(before_uid="a"))
    assert await order() == []


async def test_a_running_item_is_no_neighbour(fill, claim):
    await fill("a", "b")
    await claim()
    with pytest.raises(NotFoundError, match="a"):
        await fill("x", place=Place(after_uid="a"))


async def test_a_uid_that_exists_is_refused_and_none_of_the_items_is_inserted(fill, order):
    await fill("a")
    with pytest.raises(ConflictError, match="Item a exists"):
        await fill("x", "a", "y")
    assert await order() == ["a"]


async def test_a_refused_batch_leaves_the_rest_of_its_transaction(store, item, order):
    def work(tx):
        tx.insert([item("a")], BACK)
        with pytest.raises(ConflictError):
            tx.insert([item("b"), item("a")], BACK)
        tx.insert([item("c")], BACK)

    await store.transact(work)
    assert await order() == ["a", "c"]


async def test_the_uid_of_a_finished_item_is_refused(finish_all, fill):
    await finish_all("a")
    with pytest.raises(ConflictError, match="a"):
        await fill("a")


async def test_a_uid_that_is_twice_in_a_batch_is_refused(fill, order):
    with pytest.raises(ConflictError):
        await fill("a", "a")
    assert await order() == []


async def test_items_of_two_lanes_are_not_inserted_together(store, item, order):
    with pytest.raises(ParameterError, match="lane"):
        await store.transact(lambda tx: tx.insert([item("a"), item("b", lane="other")], BACK))
    assert await order() == []


@pytest.mark.parametrize("state", ["running", "finished"])
async def test_an_item_in_another_state_has_no_place_in_a_queue(state, fill):
    with pytest.raises(ParameterError, match=state):
        await fill("a", state=state)


@pytest.mark.parametrize("fields", [{"uid": ""}, {"uid": "a", "lane": ""}, {"uid": "a", "submission": ""}])
async def test_an_item_without_identity_is_refused(fields, store, item):
    with pytest.raises(ParameterError, match="not empty"):
        await store.transact(lambda tx: tx.insert([item(**fields)], BACK))


async def test_lanes_do_not_see_each_other(store, fill, order):
    await fill("a", "b")
    await fill("x", lane="other")
    assert await order() == ["a", "b"]
    assert await order("other") == ["x"]
    assert await store.transact(lambda tx: (tx.count_queue("default"), tx.count_queue("other"))) == (2, 1)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (FRONT, ["b", "a", "c", "d"]),
        (BACK, ["a", "c", "d", "b"]),
        (Place(before_uid="a"), ["b", "a", "c", "d"]),
        (Place(before_uid="c"), ["a", "b", "c", "d"]),
        (Place(before_uid="d"), ["a", "c", "b", "d"]),
        (Place(after_uid="a"), ["a", "b", "c", "d"]),
        (Place(after_uid="d"), ["a", "c", "d", "b"]),
        (Place(before_uid="b"), ["a", "b", "c", "d"]),
        (Place(after_uid="b"), ["a", "b", "c", "d"]),
        (Place(0), ["b", "a", "c", "d"]),
        (Place(1), ["a", "b", "c", "d"]),
        (Place(2), ["a", "c", "b", "d"]),
        (Place(3), ["a", "c", "d", "b"]),
    ],
)
async def test_an_item_is_moved_to_a_place(place, expected, store, fill, order):
    await fill("a", "b", "c", "d")
    await store.transact(lambda tx: tx.move("b", place))
    assert await order() == expected


@pytest.mark.parametrize("place", [FRONT, BACK, Place(0)])
async def test_the_only_item_stays_wherever_it_is_moved(place, store, fill, order):
    await fill("a")
    await store.transact(lambda tx: tx.move("a", place))
    assert await order() == ["a"]


async def test_moving_to_an_index_behind_the_others_is_refused(store, fill):
    await fill("a", "b")
    with pytest.raises(ParameterError, match="0 to 1"):
        await store.transact(lambda tx: tx.move("a", Place(2)))


async def test_moving_what_is_not_in_a_queue_is_refused(store, fill, claim):
    await fill("a", "b")
    await claim()
    for uid in ("gone", "a"):
        with pytest.raises(NotFoundError, match=uid):
            await store.transact(lambda tx, uid=uid: tx.move(uid, FRONT))


async def test_moving_to_a_neighbour_that_does_not_exist_is_refused(store, fill, order):
    await fill("a", "b")
    with pytest.raises(NotFoundError, match="gone"):
        await store.transact(lambda tx: tx.move("b", Place(before_uid="gone")))
    assert await order() == ["a", "b"]


@pytest.mark.parametrize("new_uid", ["b", "n"])
async def test_an_item_is_replaced_at_its_place(new_uid, store, item, fill, order):
    await fill("a", "b", "c")
    new = item(new_uid, submission="s", content={"name": "scan"}, state="held", reason="why", attempt=1)
    await store.transact(lambda tx: tx.replace("b", new))
    assert await order() == ["a", new_uid, "c"]
    assert await store.transact(lambda tx: tx.item(new_uid)) == new


async def test_replacing_what_is_not_in_a_queue_is_refused(store, item, fill, claim):
    await fill("a")
    await claim()
    for uid in ("gone", "a"):
        with pytest.raises(NotFoundError, match=uid):
            await store.transact(lambda tx, uid=uid: tx.replace(uid, item("n")))


async def test_replacing_by_the_uid_of_another_item_is_refused(store, item, fill, order):
    await fill("a", "b")
    with pytest.raises(ConflictError, match="Item b exists"):
        await store.transact(lambda tx: tx.replace("a", item("b")))
    assert await order() == ["a", "b"]


async def test_replacing_by_an_item_of_another_lane_or_state_is_refused(store, item, fill):
    await fill("a")
    with pytest.raises(ParameterError, match="lane"):
        await store.transact(lambda tx: tx.replace("a", item("a", lane="other")))
    with pytest.raises(ParameterError, match="finished"):
        await store.transact(lambda tx: tx.replace("a", item("a", state="finished")))


async def test_removed_items_are_gone_for_good(store, fill, order):
    await fill("a", "b", "c")
    await store.transact(lambda tx: tx.remove(["c", "a"]))
    assert await order() == ["b"]
    assert await store.transact(lambda tx: tx.item("a")) is None
    await fill("a")
    assert await order() == ["b", "a"]


@pytest.mark.parametrize("uids", [["a", "gone"], ["a", "a"], ["b", "r"]])
async def test_removing_what_is_not_in_a_queue_removes_nothing(uids, store, fill, claim, order):
    await fill("r")
    await claim()
    await fill("a", "b")

    def work(tx):
        with pytest.raises(NotFoundError, match=uids[1]):
            tx.remove(uids)

    await store.transact(work)
    assert await order() == ["a", "b"]


async def test_clearing_takes_the_queue_and_leaves_what_runs(store, fill, claim, order):
    await fill("r")
    key = await claim()
    await fill("a", "b")
    await fill("x", lane="other")
    assert await store.transact(lambda tx: tx.clear("default")) == 2
    assert await order() == []
    assert await order("other") == ["x"]
    assert [found.attempt for found in await store.transact(lambda tx: tx.running())] == [key]
    assert await store.transact(lambda tx: tx.clear("default")) == 0


async def test_an_item_is_held_and_released_at_its_place(store, fill, order):
    await fill("a", "b", "c")
    await store.transact(lambda tx: tx.set_held("b", "shutter closed"))
    held = await store.transact(lambda tx: tx.item("b"))
    assert (held.state, held.reason) == ("held", "shutter closed")
    await store.transact(lambda tx: tx.set_held("b", None))
    released = await store.transact(lambda tx: tx.item("b"))
    assert (released.state, released.reason) == ("queued", "")
    assert await order() == ["a", "b", "c"]


async def test_an_item_can_be_held_without_a_reason(store, fill):
    await fill("a")
    await store.transact(lambda tx: tx.set_held("a", ""))
    assert (await store.transact(lambda tx: tx.item("a"))).state == "held"


async def test_holding_what_is_not_in_a_queue_is_refused(store, finish_all):
    await finish_all("a")
    for uid in ("gone", "a"):
        with pytest.raises(NotFoundError, match=uid):
            await store.transact(lambda tx, uid=uid: tx.set_held(uid, "why"))


@pytest.mark.parametrize(("index", "uid"), [(0, "a"), (2, "c"), (-1, "c"), (-3, "a"), (3, None), (-4, None)])
async def test_an_item_is_found_by_its_index_from_either_end(index, uid, store, fill):
    await fill("a", "b", "c")
    found = await store.transact(lambda tx: tx.item_at("default", index))
    assert (found and found.uid) == uid


async def test_the_index_of_an_item_counts_from_the_front(store, fill, claim):
    await fill("r", "a", "b", "c")
    await claim()
    assert await store.transact(lambda tx: [tx.index_of(uid) for uid in "abcr"]) == [0, 1, 2, None]
    assert await store.transact(lambda tx: tx.index_of("gone")) is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["a", "b", "c", "d"]),
        ({"limit": 2}, ["a", "b"]),
        ({"limit": 0}, []),
        ({"limit": -3}, []),
        ({"limit": 9}, ["a", "b", "c", "d"]),
        ({"after_uid": "b"}, ["c", "d"]),
        ({"after_uid": "b", "limit": 1}, ["c"]),
        ({"after_uid": "d"}, []),
    ],
)
async def test_the_queue_is_read_in_pages(options, expected, store, fill):
    await fill("a", "b", "c", "d")
    assert [found.uid for found in await store.transact(lambda tx: tx.queue("default", **options))] == expected


async def test_a_page_behind_an_item_that_is_not_in_the_queue_is_refused(store, fill, claim):
    await fill("a", "b")
    await claim()
    await fill("x", lane="other")
    for uid in ("gone", "a", "x"):
        with pytest.raises(NotFoundError, match=uid):
            await store.transact(lambda tx, uid=uid: tx.queue("default", after_uid=uid))
