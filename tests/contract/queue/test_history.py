"""The history: what it shows, in which parts it can be read and cleared."""

from __future__ import annotations

import pytest

KEYS = {"exit_status", "run_uids", "scan_ids", "time_start", "time_stop", "msg", "traceback"}


@pytest.fixture
async def finished(bench):
    """The uids of five finished items, oldest first."""
    await bench.open()
    uids = await bench.add("count", "scan", "count", "scan", "count")
    await bench.do("queue_start")
    for _ in uids:
        await bench.finish()
    return uids


def uids_of(reply):
    """Return the uids in a reply."""
    return [item["item_uid"] for item in reply["items"]]


async def test_the_history_begins_empty(bench):
    uid = bench.status["plan_history_uid"]
    assert await bench.do("history_get") == {"success": True, "msg": "", "items": [], "plan_history_uid": uid}
    assert (await bench.do("history_get", limit=5))["before"] is None


async def test_finished_items_are_shown_oldest_first_with_every_part_of_their_result(bench, finished):
    reply = await bench.do("history_get")
    assert uids_of(reply) == finished
    assert all(set(item["result"]) >= KEYS for item in reply["items"])
    assert bench.status["items_in_history"] == 5


async def test_a_limit_returns_the_newest_and_a_cursor_for_the_rest(bench, finished):
    first = await bench.do("history_get", limit=2)
    assert uids_of(first) == finished[3:]
    second = await bench.do("history_get", limit=2, before=first["before"])
    assert uids_of(second) == finished[1:3]
    last = await bench.do("history_get", limit=2, before=second["before"])
    assert (uids_of(last), last["before"]) == (finished[:1], None)
    assert first["plan_history_uid"] == last["plan_history_uid"]


async def test_a_limit_that_is_no_size_is_refused_by_name(bench):
    for params in ({"limit": 0}, {"limit": 50_001}, {"limit": "5"}, {"before": 0}):
        reply = await bench.refuse("history_get", **params)
        assert reply["error"]["details"]["field"] == next(iter(params))
        assert (reply["items"], reply["plan_history_uid"]) == ([], "")


async def test_the_history_can_be_cleared(bench, finished):
    assert await bench.do("history_clear") == {"success": True, "msg": ""}
    assert (await bench.do("history_get"))["items"] == []
    assert bench.status["items_in_history"] == 0


async def test_the_newest_entries_can_be_kept(bench, finished):
    await bench.do("history_clear", size=2)
    assert uids_of(await bench.do("history_get")) == finished[3:]
    await bench.do("history_clear", size=2)
    await bench.do("history_clear", size=10)
    assert uids_of(await bench.do("history_get")) == finished[3:]


async def test_an_entry_can_be_cleared_with_all_that_are_older(bench, finished):
    await bench.do("history_clear", item_uid=finished[1])
    assert uids_of(await bench.do("history_get")) == finished[2:]


async def test_an_entry_that_is_gone_already_can_be_cleared_without_effect(bench, finished):
    await bench.do("history_clear", item_uid="no-such-item")
    await bench.do("history_clear", item_uid=(await bench.add("count"))[0])
    assert uids_of(await bench.do("history_get")) == finished


async def test_two_ways_to_clear_are_refused(bench, finished):
    reply = await bench.refuse("history_clear", size=1, item_uid=finished[0])
    assert "mutually exclusive" in reply["msg"]
    reply = await bench.refuse("history_clear", size=-1)
    assert reply["error"]["details"]["field"] == "size"


async def test_a_cleared_submission_that_still_waits_goes_on_counting_its_attempts(bench):
    await bench.open()
    await bench.add("count")
    await bench.do("queue_start")
    await bench.finish("failed")
    await bench.do("history_clear")
    await bench.do("queue_start")
    assert bench.key.number == 2
