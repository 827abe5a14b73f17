"""Running an item at once, and queues that start by themselves."""

from __future__ import annotations

import pytest

from queue_server.protocol.worker_link import Execute
from tests.doubles.bench import INSTRUCTION, USER, plan

DONE = {"success": True, "msg": ""}


# --- execute --------------------------------------------------------------------------------------------------------


async def test_an_item_runs_at_once_beside_the_queue_and_nothing_after_it(bench):
    await bench.open()
    waiting = await bench.add("count", "count")
    reply = await bench.do("queue_item_execute", item=plan("scan"), **USER)
    assert reply["item"]["name"] == "scan"
    assert reply["qsize"] == 2
    assert bench.key.item_uid == reply["item"]["item_uid"]
    assert await bench.uids() == waiting
    await bench.run_plan()
    await bench.finish()
    assert bench.status["manager_state"] == "idle"
    assert await bench.uids() == waiting
    assert [item["name"] for item in (await bench.do("history_get"))["items"]] == ["scan"]


@pytest.mark.parametrize("outcome", ["completed", "failed", "aborted"])
async def test_an_item_that_ran_at_once_is_never_put_back(bench, outcome):
    await bench.open()
    await bench.do("queue_mode_set", mode={"loop": True})
    await bench.do("queue_item_execute", item=plan(), **USER)
    await bench.finish(outcome)
    assert await bench.uids() == []
    assert len((await bench.do("history_get"))["items"]) == 1


async def test_what_cannot_run_at_once_is_refused_and_leaves_no_trace(bench):
    reply = await bench.refuse("queue_item_execute", item=plan(), **USER)
    assert reply["msg"].startswith("Failed to start execution of the item: ")
    assert "environment does not exist" in reply["msg"]
    assert (reply["item"], reply["qsize"]) == (plan(), None)
    await bench.open()
    for item, text in ((plan("absent"), "allowed plans"), (None, "no item info")):
        reply = await bench.refuse("queue_item_execute", **({} if item is None else {"item": item}), **USER)
        assert text in reply["msg"]


async def test_an_instruction_is_obeyed_at_once_and_leaves_the_queue_as_it_is(bench):
    await bench.open()
    waiting = await bench.add("count")
    await bench.do("queue_mode_set", mode={"loop": True})
    before = bench.status["plan_queue_uid"]
    reply = await bench.do("queue_item_execute", item=INSTRUCTION, **USER)
    assert (reply["item"]["name"], reply["item"]["item_type"], reply["qsize"]) == ("queue_stop", "instruction", 1)
    assert (await bench.uids(), bench.status["plan_queue_uid"]) == (waiting, before)
    assert bench.status["manager_state"] == "idle"
    assert (await bench.do("history_get"))["items"] == []


async def test_an_instruction_at_once_switches_autostart_off(bench):
    await bench.open()
    await bench.do("queue_autostart", enable=True)
    await bench.do("queue_item_execute", item=INSTRUCTION, **USER)
    assert bench.status["queue_autostart_enabled"] is False


async def test_nothing_is_executed_beside_a_running_item(executing):
    reply = await executing.refuse("queue_item_execute", item=plan(), **USER)
    assert "RE Manager must be in idle state" in reply["msg"]
    assert len(executing.sent(Execute)) == 1


# --- autostart ------------------------------------------------------------------------------------------------------


async def test_a_queue_with_autostart_starts_with_its_first_item(bench):
    await bench.open()
    assert await bench.do("queue_autostart", enable=True) == DONE
    assert bench.status["queue_autostart_enabled"] is True
    assert bench.status["manager_state"] == "idle"
    [uid] = await bench.add("count")
    assert bench.key.item_uid == uid
    await bench.finish()
    await bench.add("scan")
    assert len(bench.sent(Execute)) == 2


async def test_autostart_begins_with_what_waits_already_and_when_the_environment_opens(bench):
    await bench.add("count")
    await bench.do("queue_autostart", enable=True)
    assert bench.sent(Execute) == []
    await bench.open()
    assert len(bench.sent(Execute)) == 1


async def test_the_state_and_the_queue_agree_when_an_item_starts_as_it_is_added(bench):
    await bench.open()
    await bench.do("queue_autostart", enable=True)
    await bench.do("queue_item_add_batch", items=[plan(), plan()], **USER)
    assert bench.status["items_in_queue"] == len(await bench.uids()) == 1
    assert bench.status["running_item_uid"] == bench.key.item_uid


@pytest.mark.parametrize("how", ["failure", "stop", "instruction"])
async def test_a_failure_or_a_request_to_stop_switches_it_off(bench, how):
    await bench.open()
    await bench.do("queue_autostart", enable=True)
    await bench.add("count")
    if how == "stop":
        await bench.do("queue_stop")
    elif how == "instruction":
        await bench.do("queue_item_add", item=INSTRUCTION, **USER)
    await bench.add("scan")
    await bench.finish("failed" if how == "failure" else "completed")
    assert bench.status["queue_autostart_enabled"] is False
    assert bench.status["manager_state"] == "idle"
    assert len(bench.sent(Execute)) == 1


async def test_a_held_item_stops_a_queue_with_autostart_until_somebody_deals_with_it(bench):
    await bench.open()
    [uid] = await bench.add("count")
    await bench.do("queue_item_hold", uid=uid)
    await bench.do("queue_autostart", enable=True)
    assert bench.sent(Execute) == []
    assert bench.status["manager_state"] == "idle"
    await bench.do("queue_item_release", uid=uid)
    assert bench.key.item_uid == uid


async def test_a_lost_worker_switches_it_off(bench):
    await bench.open()
    await bench.do("queue_autostart", enable=True)
    await bench.add("count")
    await bench.exit()
    await bench.open()
    assert bench.status["queue_autostart_enabled"] is False
    assert len(bench.sent(Execute)) == 1


@pytest.mark.parametrize("params", [{}, {"enable": "yes"}, {"enable": 1}, {"enable": None}])
async def test_autostart_is_switched_by_true_and_false_only(bench, params):
    assert (await bench.refuse("queue_autostart", **params))["error"]["details"]["field"] == "enable"


async def test_there_is_no_kernel_to_interrupt(bench):
    assert "no IPython kernel" in (await bench.refuse("kernel_interrupt", interrupt_plan=True))["msg"]
