"""Lists that are read in several turns and kept for whoever asks next say what their pages say, whatever happens."""

from __future__ import annotations

import pytest

from queue_server.protocol.codec import decode
from queue_server.protocol.items import BACK, Item, Result
from tests.doubles.bench import USER, Bench, plan

ENDED = 1_203
WAITING = 2_300
UNKNOWN = "e7"


def _end(tx):
    for number in range(ENDED):
        uid = f"e{number}"
        tx.insert([Item(uid, "default", uid, {**plan(), "item_uid": uid})], BACK)
        attempt = tx.claim_next("default", 1, 1.0).attempt
        tx.finish(attempt, Result("unknown" if uid == UNKNOWN else "completed", 1.0, 2.0))


@pytest.fixture
async def bench(store):
    """A manager that serves, with a history that is longer than what is read in one turn."""
    await store.transact(_end)
    begun = await Bench.begin(store)
    yield begun
    await begun.end()


@pytest.fixture
async def filled(bench):
    """The same with a queue that is so long."""
    await bench.do("queue_item_add_batch", items=[plan()] * WAITING, **USER)
    return bench


async def check_history(bench):
    """Return the uids of the history, after checking that whoever asks for all of it is told what its pages say."""
    pages, before = [], None
    while before is not None or not pages:
        page = await bench.do("history_get", limit=400, **({} if before is None else {"before": before}))
        pages, before = [page["items"], *pages], page["before"]
    entries = [entry for page in pages for entry in page]
    for encoding in ("json", "msgpack", "json"):
        reply = decode(await bench.request("history_get", encoding))[0]
        assert (reply["items"], reply["plan_history_uid"]) == (entries, bench.status["plan_history_uid"])
        assert "before" not in reply
    return [entry["item_uid"] for entry in entries]


async def check_queue(bench):
    """Return the uids of the queue, after checking the same."""
    items, after = [], {}
    while page := (await bench.do("queue_get", limit=1_500, **after))["items"]:
        items, after = [*items, *page], {"after_uid": page[-1]["item_uid"]}
    for encoding in ("json", "msgpack", "json"):
        reply = decode(await bench.request("queue_get", encoding))[0]
        assert (reply["items"], reply["plan_queue_uid"]) == (items, bench.status["plan_queue_uid"])
    return [item["item_uid"] for item in items]


async def test_a_long_history_is_told_as_a_whole(bench):
    assert await check_history(bench) == [f"e{number}" for number in range(ENDED)]


async def test_what_ends_later_stands_behind_what_was_told(bench):
    known = await check_history(bench)
    await bench.open()
    added = await bench.add("count", "scan", "count")
    await bench.do("queue_start")
    for number in range(len(added)):
        await bench.finish()
        if number != 1:
            assert await check_history(bench) == known + added[: number + 1]


async def test_other_changes_of_a_long_history_are_told_at_once(bench):
    await check_history(bench)
    await bench.do("history_item_resolve", item_uid=UNKNOWN, outcome="failed", reason="no image is there")
    uids = await check_history(bench)
    await bench.do("history_clear", item_uid=uids[2])
    assert await check_history(bench) == uids[3:]
    await bench.open()
    await bench.add("count")
    await bench.do("queue_start")
    await bench.finish()
    await bench.do("history_clear", size=900)
    assert len(await check_history(bench)) == 900
    await bench.do("history_clear")
    assert await check_history(bench) == []


async def test_a_long_queue_is_told_as_a_whole_however_it_changes(filled):
    uids = await check_queue(filled)
    assert len(uids) == WAITING
    await filled.do("queue_item_move", uid=uids[-1], before_uid=uids[0])
    assert await check_queue(filled) == [uids[-1], *uids[:-1]]
    await filled.do("queue_item_hold", uid=uids[1_500], reason="why")
    await filled.do("queue_item_remove", uid=uids[1_100])
    assert len(await check_queue(filled)) == WAITING - 1
    await filled.do("queue_clear")
    assert await check_queue(filled) == []


async def test_a_queue_that_changes_while_it_is_read_is_told_as_it_was_at_one_instant(filled):
    known = {filled.status["plan_queue_uid"]: WAITING}
    asked = filled.request("queue_get")
    number = WAITING
    while not asked.done():
        number += 1
        await filled.add("count")
        known[filled.status["plan_queue_uid"]] = number
    reply = decode(asked.result())[0]
    assert len(reply["items"]) == known[reply["plan_queue_uid"]]


async def test_a_batch_is_judged_item_by_item_though_equal_ones_are_checked_once(bench):
    good, bad = plan(kwargs={"num": 1}), plan("nothing of this name")
    reply = await bench.ask("queue_item_add_batch", items=[good, bad, good, bad, good], **USER)
    assert [result["success"] for result in reply["results"]] == [True, False, True, False, True]
    reply = await bench.do("queue_item_add_batch", items=[good] * 3, **USER)
    assert len({item["item_uid"] for item in reply["items"]}) == 3
