"""Batches and their items are read in pages, whatever becomes of them meanwhile."""

from __future__ import annotations

import pytest

from tests.doubles.bench import USER, plan


async def read_all(bench, batch_id, limit, **more):
    """Return the ordinals on all pages, and how many items each page says are behind it."""
    pages, cursor = [], None
    while True:
        page = await bench.do(
            "batch_items", batch_id=batch_id, limit=limit, **more, **({"cursor": cursor} if cursor else {})
        )
        pages.append(([item["ordinal"] for item in page["items"]], page["remaining"]))
        cursor = page["next_cursor"]
        if cursor is None:
            return pages


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (2, [([0, 1], 3), ([2, 3], 1), ([4], 0)]),
        (5, [([0, 1, 2, 3, 4], 0)]),
        (1000, [([0, 1, 2, 3, 4], 0)]),
    ],
)
async def test_pages_are_complete_and_say_how_many_items_are_behind_them(bench, create, limit, expected):
    await create(1, 1)
    reply = await create(1, 2, 3, 4, 5)
    await create(1)
    assert await read_all(bench, reply["batch"]["id"], limit) == expected


async def test_a_cursor_finds_each_item_once_while_the_queue_changes(bench, create):
    reply = await create(*range(10))
    batch_id, uids = reply["batch"]["id"], [item["item_uid"] for item in reply["items"]]
    first = await bench.do("batch_items", batch_id=batch_id, limit=4)
    await bench.do("queue_item_move", uid=uids[9], pos_dest="front", user="jdoe")
    await bench.do("queue_item_remove", uid=uids[5], user="jdoe")
    await create(1, pos="front")
    rest = await bench.do("batch_items", batch_id=batch_id, limit=100, cursor=first["next_cursor"])
    assert [item["ordinal"] for item in (*first["items"], *rest["items"])] == list(range(10))
    await bench.do("queue_clear", user="jdoe")
    assert [ordinals for ordinals, _ in await read_all(bench, batch_id, 10)] == [list(range(10))]


async def test_an_offset_shows_the_total_and_no_cursor(bench, create):
    batch_id = (await create(*range(5)))["batch"]["id"]
    page = await bench.do("batch_items", batch_id=batch_id, limit=2, offset=3)
    assert [item["ordinal"] for item in page["items"]] == [3, 4]
    assert (page["total"], page["remaining"], page["next_cursor"]) == (5, None, None)
    page = await bench.do("batch_items", batch_id=batch_id, limit=2, offset=7)
    assert (page["items"], page["total"]) == ([], 5)


async def test_items_are_found_by_their_states(bench, create, run_items):
    batch_id = (await create(*range(4)))["batch"]["id"]
    await run_items("completed", "failed")
    assert await read_all(bench, batch_id, 10, state=["completed"]) == [([0], 0)]
    assert await read_all(bench, batch_id, 1, state=["completed", "queued"]) == [([0], 3), ([1], 2), ([2], 1), ([3], 0)]
    page = await bench.do("batch_items", batch_id=batch_id, state=["queued"], offset=1, limit=1)
    assert ([item["ordinal"] for item in page["items"]], page["total"]) == ([2], 3)
    assert await read_all(bench, batch_id, 10, state=["held"]) == [([], 0)]


async def test_items_are_found_by_how_far_their_creation_is(bench, create):
    batch_id = (await create(1, 2))["batch"]["id"]
    assert await read_all(bench, batch_id, 10, status=["succeeded", "waiting"]) == [([0, 1], 0)]
    assert await read_all(bench, batch_id, 10, status=["failed"]) == [([], 0)]


async def test_a_paused_item_is_not_among_those_that_are_running(bench, create):
    batch_id = (await create(1, 2))["batch"]["id"]
    await bench.open()
    await bench.do("queue_start")
    await bench.run_plan()
    assert await read_all(bench, batch_id, 1, state=["running", "queued"]) == [([0], 1), ([1], 0)]
    await bench.do("re_pause")
    await bench.pause()
    batch = (await bench.do("batch_get", batch_id=batch_id))["batch"]
    assert batch["counts"] == {"paused": 1, "queued": 1}
    assert await read_all(bench, batch_id, 1, state=["running", "queued"]) == [([1], 0)]
    assert await read_all(bench, batch_id, 1, state=["paused", "queued"]) == [([0], 1), ([1], 0)]
    page = await bench.do("batch_items", batch_id=batch_id, state=["running", "queued"], offset=0)
    assert ([item["ordinal"] for item in page["items"]], page["total"]) == ([1], 1)


async def test_the_counts_follow_the_items(bench, create, run_items):
    batch_id = (await create(*range(4)))["batch"]["id"]
    await run_items("completed", "stopped")
    batch = (await bench.do("batch_get", batch_id=batch_id))["batch"]
    assert batch["counts"] == {"completed": 1, "stopped": 1, "queued": 2}


async def test_results_stay_when_the_history_has_gone(bench, create, run_items):
    reply = await create(1)
    batch_id, [ids] = reply["batch"]["id"], reply["items"]
    await run_items("completed")
    await bench.do("history_clear")
    shown = (await bench.do("batch_item_get", batch_id=batch_id, item_id=ids["item_id"]))["submission"]
    assert (shown["state"], shown["item_uid"]) == ("completed", ids["item_uid"])
    assert [(result["attempt"], result["outcome"]) for result in shown["results"]] == [(1, "completed")]


async def test_an_item_is_found_by_its_uid_as_well(bench, create):
    reply = await create(1)
    [ids] = reply["items"]
    by_uid = await bench.do("batch_item_get", batch_id=reply["batch"]["id"], item_id=ids["submission_id"])
    assert by_uid["submission"]["item_id"] == ids["item_id"]
    upper = await bench.do("batch_item_get", batch_id=reply["batch"]["id"].upper(), item_id=ids["item_id"].upper())
    assert upper == by_uid


async def test_an_item_of_another_batch_is_not_found(bench, create):
    first, second = await create(1), await create(1)
    [ids] = second["items"]
    reply = await bench.refuse("batch_item_get", batch_id=first["batch"]["id"], item_id=ids["item_id"])
    assert reply["error"]["code"] == "not_found"


async def test_batches_are_listed_with_the_newest_first(bench, create):
    made = [(await create(1, project=project))["batch"]["id"] for project in ("a", "b", "a", "a")]
    page = await bench.do("batch_list", limit=3)
    assert [batch["id"] for batch in page["batches"]] == made[:0:-1]
    rest = await bench.do("batch_list", limit=3, cursor=page["next_cursor"])
    assert ([batch["id"] for batch in rest["batches"]], rest["next_cursor"]) == ([made[0]], None)
    of_a = await bench.do("batch_list", project="a")
    assert [batch["id"] for batch in of_a["batches"]] == [made[3], made[2], made[0]]
    assert of_a["batches"][0]["counts"] is None


@pytest.mark.parametrize(
    ("method", "given", "code"),
    [
        ("batch_get", {"batch_id": "absent"}, "not_found"),
        ("batch_items", {"batch_id": "absent"}, "not_found"),
        ("batch_item_get", {"batch_id": "absent", "item_id": "absent"}, "not_found"),
        ("batch_cancel", {"batch_id": "absent"}, "not_found"),
        ("batch_list", {"cursor": "x"}, "invalid_parameter"),
    ],
)
async def test_what_is_not_there_is_not_found(bench, method, given, code):
    reply = await bench.refuse(method, **given)
    assert reply["error"]["code"] == code


@pytest.mark.parametrize(
    "given",
    [
        {"cursor": "x"},
        {"cursor": "1", "offset": 1},
        {"limit": 0},
        {"limit": 1001},
        {"offset": 200_001},
        {"state": ["nothing"]},
        {"status": ["queued"]},
    ],
)
async def test_a_page_that_cannot_be_is_refused(bench, create, given):
    batch_id = (await create(1))["batch"]["id"]
    reply = await bench.refuse("batch_items", batch_id=batch_id, **given)
    assert reply["error"]["code"] == "invalid_parameter"


async def test_removing_a_queue_item_leaves_the_item_of_the_batch(bench):
    reply = await bench.do("batch_create", items=[{"item": plan()}], **USER)
    [ids] = reply["items"]
    await bench.do("queue_item_remove", uid=ids["item_uid"], user="jdoe")
    shown = (await bench.do("batch_item_get", batch_id=reply["batch"]["id"], item_id=ids["item_id"]))["submission"]
    assert shown["state"] == "removed"
