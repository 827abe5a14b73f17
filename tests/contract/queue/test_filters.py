"""Parts of queue, history and event log by what is known of the entries; without filters replies are as ever."""

from __future__ import annotations

import pytest

from tests.doubles.bench import INSTRUCTION, USER, plan

ANNA = {"user": "anna", "user_group": "primary"}


def uids_of(reply):
    """Return the uids in a reply."""
    return [item["item_uid"] for item in reply["items"]]


@pytest.fixture
async def mixed(bench):
    """Five items in the queue; the second is Anna's, the third an instruction, the fourth held."""
    sent = [
        (plan("count", kwargs={"num": 1}, meta={"sample": "Silicon"}), USER),
        (plan("scan", meta={"sample": "silica"}), ANNA),
        (INSTRUCTION, USER),
        (plan("scan", kwargs={"num": 4}), USER),
        (plan("count"), ANNA),
    ]
    uids = [(await bench.do("queue_item_add", item=item, **who))["item"]["item_uid"] for item, who in sent]
    await bench.do("queue_item_hold", uid=uids[3], reason="later")
    return uids


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"state": "held"}, [3]),
        ({"state": "queued"}, [0, 1, 2, 4]),
        ({"name": "scan"}, [1, 3]),
        ({"name": "queue_stop"}, [2]),
        ({"by_user": "anna"}, [1, 4]),
        ({"text": "SILIC"}, [0, 1]),
        ({"text": "SILIC", "by_user": "anna"}, [1]),
        ({"text": "no such text"}, []),
    ],
)
async def test_items_of_the_queue_are_found(wanted, expected, bench, mixed):
    reply = await bench.do("queue_get", **wanted)
    assert uids_of(reply) == [mixed[index] for index in expected]
    assert (reply["next_after_uid"], reply["plan_queue_uid"]) == (None, await bench.queue_uid())


async def test_a_search_in_the_queue_goes_on_behind_its_cursor(bench, mixed):
    first = await bench.do("queue_get", by_user="jdoe", limit=2)
    assert (uids_of(first), first["next_after_uid"]) == ([mixed[0], mixed[2]], mixed[2])
    last = await bench.do("queue_get", by_user="jdoe", limit=2, after_uid=first["next_after_uid"])
    assert (uids_of(last), last["next_after_uid"]) == ([mixed[3]], None)


async def test_replies_without_filters_have_what_stock_clients_know(bench, mixed):
    queue, history = await bench.do("queue_get"), await bench.do("history_get")
    assert set(queue) == {"success", "msg", "items", "running_item", "plan_queue_uid"}
    assert set(history) == {"success", "msg", "items", "plan_history_uid"}


async def test_finished_items_are_found(bench):
    await bench.open()
    first, second, third = await bench.add("count", "scan", "count")
    await bench.do("queue_start")
    await bench.finish(message="as it should")
    bench.clock.advance(100)
    await bench.finish("failed", message="The beam was LOST")
    between = bench.clock.wall() - 50
    for wanted, expected in (
        ({"outcome": "failed"}, [second]),
        ({"name": "count"}, [first]),
        ({"by_user": "jdoe"}, [first, second]),
        ({"text": "beam was lost"}, [second]),
        ({"time_to": between}, [first]),
        ({"time_from": between}, [second]),
        ({"lane": "default", "outcome": "completed"}, [first]),
        ({"lane": "other"}, []),
    ):
        reply = await bench.do("history_get", **wanted)
        assert (uids_of(reply), reply["before"]) == (expected, None), wanted
    assert third in await bench.uids()


async def test_events_are_found_newest_or_oldest_first(bench, mixed):
    added = await bench.do("events_get", kind="queue_item_add", by_user="anna")
    assert [event["item_uid"] for event in added["events"]] == [mixed[1], mixed[4]]
    page = await bench.do("events_get", kind=["queue_item_add"], order="newest", limit=3)
    assert [event["seq"] for event in page["events"]] == [5, 4, 3]
    rest = await bench.do("events_get", kind=["queue_item_add"], order="newest", limit=3, before=page["next_seq"])
    assert ([event["seq"] for event in rest["events"]], rest["next_seq"]) == ([2, 1], None)
    of_item = await bench.do("events_get", item_uid=mixed[3])
    assert [event["kind"] for event in of_item["events"]] == ["queue_item_add", "queue_item_hold"]
    # A new item is a submission of its own.
    assert (await bench.do("events_get", submission=mixed[3]))["events"] == of_item["events"]


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("queue_get", {"state": "running"}, "state"),
        ("queue_get", {"text": ""}, "text"),
        ("history_get", {"outcome": "good"}, "outcome"),
        ("history_get", {"time_from": 5.0, "time_to": 5.0}, "time_to"),
        ("history_get", {"text": "x" * 201}, "text"),
        ("events_get", {"order": "random"}, "order"),
        ("events_get", {"time_from": 6.0, "time_to": 5.0}, "time_to"),
        ("events_get", {"before": 0}, "before"),
        ("events_get", {"kind": 5}, "kind"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused_by_name(method, params, field, bench):
    assert (await bench.refuse(method, **params))["error"]["details"]["field"] == field
