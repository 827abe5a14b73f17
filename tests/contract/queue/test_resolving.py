"""Outcomes that nobody knows: a person finds out, says so, and the queue goes on."""

from __future__ import annotations

import pytest

from tests.doubles.bench import PLANS

FOUND = {"outcome": "completed", "reason": "all 20 images are on the disk"}


@pytest.fixture
async def lost(bench):
    """The uid of an item whose worker died; its held copy and another item are in the queue."""
    await bench.open(PLANS)
    [uid] = await bench.add("count")
    await bench.add("scan")
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.exit()
    return uid


async def read(bench):
    """Return the only entry of the history, and the queue."""
    [entry] = (await bench.do("history_get"))["items"]
    return entry, (await bench.do("queue_get"))["items"]


async def test_what_was_completed_is_shown_so_and_its_copy_is_withdrawn(bench, lost):
    _, (copy, other) = await read(bench)
    reply = await bench.do("history_item_resolve", item_uid=lost, **FOUND)
    entry, queue = await read(bench)
    assert reply["item"] == entry
    assert reply["withdrawn_uid"] == copy["item_uid"]
    assert entry["result"]["exit_status"] == "completed"
    assert entry["result"]["resolution"]["reason"] == FOUND["reason"]
    assert [item["item_uid"] for item in queue] == [other["item_uid"]]
    assert bench.status["lanes"][0]["condition"] == "open"
    assert bench.events()[-2:] == ["item_resolved", "copy_withdrawn"]


async def test_what_failed_is_shown_so_and_its_copy_waits_for_a_person(bench, lost):
    reply = await bench.do("history_item_resolve", item_uid=lost, outcome="failed", reason="the shutter was closed")
    entry, (copy, _) = await read(bench)
    assert (reply["withdrawn_uid"], entry["result"]["exit_status"], copy["state"]) == (None, "failed", "held")
    assert bench.status["lanes"][0]["condition"] == "held"


async def test_it_is_found_by_its_new_outcome(bench, lost):
    await bench.do("history_item_resolve", item_uid=lost, **FOUND)
    assert (await bench.do("history_get", outcome="unknown"))["items"] == []
    [found] = (await bench.do("history_get", outcome="completed"))["items"]
    assert found["item_uid"] == lost


async def test_the_traces_of_what_was_known_before_stay(bench, lost):
    before, _ = await read(bench)
    await bench.do("history_item_resolve", item_uid=lost, **FOUND)
    after, _ = await read(bench)
    kept = {name: value for name, value in after["result"].items() if name not in ("exit_status", "resolution")}
    assert kept == {name: value for name, value in before["result"].items() if name != "exit_status"}


async def test_a_copy_that_was_dealt_with_before_is_left_alone(bench, lost):
    _, (copy, other) = await read(bench)
    await bench.do("queue_item_release", uid=copy["item_uid"])
    assert (await bench.do("history_item_resolve", item_uid=lost, **FOUND))["withdrawn_uid"] is None
    _, queue = await read(bench)
    assert [item["item_uid"] for item in queue] == [copy["item_uid"], other["item_uid"]]


async def test_an_outcome_that_is_known_is_not_changed(bench, lost):
    await bench.do("history_item_resolve", item_uid=lost, **FOUND)
    before = await read(bench)
    reply = await bench.refuse("history_item_resolve", item_uid=lost, outcome="failed", reason="no, it has not")
    assert "ended as 'completed'" in reply["msg"]
    assert await read(bench) == before


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"item_uid": "nowhere"}, "no finished item 'nowhere'"),
        ({"outcome": "unknown"}, "'outcome'"),
        ({"reason": ""}, "'reason'"),
    ],
)
async def test_a_wrong_request_changes_nothing(bench, lost, params, said):
    before = await read(bench)
    reply = await bench.refuse("history_item_resolve", **{"item_uid": lost, **FOUND, **params})
    assert said in reply["msg"]
    assert await read(bench) == before
