"""Starting, stopping and clearing the queue, and its mode."""

from __future__ import annotations

import pytest

from tests.doubles.bench import USER, plan

DONE = {"success": True, "msg": ""}


async def test_an_empty_queue_is_shown_with_an_empty_running_item(bench):
    reply = await bench.do("queue_get")
    assert reply == {
        "success": True,
        "msg": "",
        "items": [],
        "running_item": {},
        "plan_queue_uid": bench.status["plan_queue_uid"],
    }


# --- start ----------------------------------------------------------------------------------------------------------


async def test_whoever_has_the_reply_finds_that_the_queue_starts(bench):
    await bench.open()
    await bench.add("count")
    assert await bench.do("queue_start") == DONE
    assert bench.status["manager_state"] == "starting_queue"
    await bench.run_plan()
    assert bench.status["manager_state"] == "executing_queue"


async def test_a_queue_needs_an_environment(bench):
    await bench.add("count")
    assert "environment does not exist" in (await bench.refuse("queue_start"))["msg"]
    await bench.do("environment_open")
    assert "wait until it is open" in (await bench.refuse("queue_start"))["msg"]


async def test_a_running_queue_cannot_be_started_again(executing):
    reply = await executing.refuse("queue_start")
    assert "RE Manager must be in idle state" in reply["msg"]


# --- stop -----------------------------------------------------------------------------------------------------------


async def test_the_queue_stops_after_the_running_item(executing):
    assert await executing.do("queue_stop") == DONE
    assert executing.status["queue_stop_pending"] is True
    await executing.finish()
    status = executing.status
    assert (status["manager_state"], status["queue_stop_pending"], status["items_in_queue"]) == ("idle", False, 1)


async def test_a_stop_can_be_taken_back(executing):
    await executing.do("queue_stop")
    assert await executing.do("queue_stop_cancel") == DONE
    await executing.finish()
    assert executing.status["manager_state"] == "executing_queue"


async def test_a_queue_that_does_not_run_cannot_be_stopped_but_a_stop_can_always_be_taken_back(bench):
    assert "not running" in (await bench.refuse("queue_stop"))["msg"]
    assert await bench.do("queue_stop_cancel") == DONE


# --- mode -----------------------------------------------------------------------------------------------------------


async def test_only_the_named_parts_of_the_mode_change(bench):
    assert bench.status["plan_queue_mode"] == {"loop": False, "ignore_failures": False}
    assert await bench.do("queue_mode_set", mode={"loop": True}) == DONE
    await bench.do("queue_mode_set", mode={"ignore_failures": True})
    await bench.do("queue_mode_set", mode={})
    assert bench.status["plan_queue_mode"] == {"loop": True, "ignore_failures": True}
    await bench.do("queue_mode_set", mode="default")
    assert bench.status["plan_queue_mode"] == {"loop": False, "ignore_failures": False}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"mode": {"speed": True}}, "Unsupported plan queue mode parameter 'speed'"),
        ({"mode": {"loop": True, "speed": 1}}, "Unsupported plan queue mode parameter 'speed'"),
        ({"mode": {"loop": "yes"}}, "mode.loop"),
        ({"mode": {"loop": 1}}, "mode.loop"),
        ({"mode": "fast"}, "mode"),
        ({"mode": None}, "mode"),
        ({}, "'mode': is required"),
    ],
)
async def test_a_mode_that_nobody_knows_is_refused_whole(bench, params, text):
    reply = await bench.refuse("queue_mode_set", **params)
    assert reply["msg"].startswith("Failed to set queue mode: ")
    assert text in reply["msg"]
    assert reply["error"]["details"]["field"] == "mode"


# --- clear ----------------------------------------------------------------------------------------------------------


async def test_a_cleared_queue_is_empty(bench):
    await bench.add("count", "scan")
    assert await bench.do("queue_clear") == DONE
    assert await bench.uids() == []


async def test_every_change_stands_in_the_event_log_with_who_asked(bench):
    await bench.do("queue_item_add", item=plan(), **USER)
    await bench.do("queue_clear")
    events = (await bench.do("events_get"))["events"]
    assert [(event["kind"], event["origin"]["user"]) for event in events] == [
        ("queue_item_add", "jdoe"),
        ("queue_clear", ""),
    ]
