"""An emergency stop through the whole inside of a manager: act first, answer with what was reached, record it."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.engine.timers import Timers
from queue_server.handlers.repeats import MOST_REPEATS
from queue_server.protocol.codec import decode
from queue_server.protocol.worker_link import DeviceNote, EmergencyStop, Execute, RunTask, StopReport
from tests.doubles.bench import USER
from tests.doubles.stores import GatedStore


def tell(bench, order=1, **lists):
    bench.intake.hear_stop_report("default", bench.incarnation, StopReport(order=order, **lists))


async def answer(reply):
    async with asyncio.timeout(60):
        return decode(await reply)[0]


async def test_the_order_leaves_before_anything_is_awaited_and_the_reply_comes_with_the_report(bench):
    await bench.open()
    reply = bench.request("estop", reason="smoke", user="jdoe")
    assert [order.reason for order in bench.sent(EmergencyStop)] == ["smoke"]
    assert bench.status["lanes"][0]["condition"] == "estopped"
    await bench.settle()
    assert not reply.done()
    tell(bench, stopped=("motor",), not_reached=(DeviceNote(device="shutter", reason="it has no stop()"),))
    told = await answer(reply)
    [lane] = told["lanes"]
    assert (told["success"], told["recorded"], lane["answer"], lane["stopped"]) == (True, True, "reported", ["motor"])
    assert lane["not_reached"] == [{"device": "shutter", "reason": "it has no stop()"}]
    assert "estop" in bench.events()
    assert bench.status["lanes"][0]["estop_by"] == "jdoe"


@pytest.fixture
def gated(store):
    return GatedStore(store)


async def test_a_start_that_is_being_committed_does_not_leave_and_its_item_is_back_at_the_front(make_bench, gated):
    bench = await make_bench(gated)
    await bench.open()
    await bench.add("count")
    gated.shut()
    start = bench.request("queue_start")
    await gated.wait_for_turn()
    reply = bench.request("estop")
    assert len(bench.sent(EmergencyStop)) == 1
    tell(bench)
    # The store does not answer, the people do not wait for it.
    told = await answer(reply)
    assert (told["lanes"][0]["answer"], told["recorded"]) == ("reported", False)
    gated.open()
    assert (await answer(start))["success"] is True
    await bench.settle()
    assert bench.sent(Execute) == []
    assert (bench.lane.attempt, bench.lane.queue, bench.lane.condition) == (None, "stopped", "estopped")
    assert len(await bench.uids()) == 1
    assert bench.lane.estop.is_recorded
    assert "withheld" in bench.events()


async def test_a_task_that_is_being_committed_does_not_leave_and_has_failed(make_bench, gated):
    bench = await make_bench(gated)
    await bench.open()
    gated.shut()
    task = bench.request("environment_update")
    await gated.wait_for_turn()
    reply = bench.request("estop")
    tell(bench)
    gated.open()
    uid = (await answer(task))["task_uid"]
    await answer(reply)
    await bench.settle()
    assert bench.sent(RunTask) == []
    assert bench.lane.tasks == ()
    result = (await bench.do("task_result", task_uid=uid))["result"]
    assert "emergency stop" in result["msg"]


async def test_stops_that_meet_one_turn_leave_once_each_and_the_report_on_the_last_one_counts(make_bench, gated):
    bench = await make_bench(gated)
    await bench.open()
    gated.shut()
    slow = bench.request("queue_autostart", enable=True)
    await gated.wait_for_turn()
    replies = [bench.request("estop", user=name) for name in ("first", "second")]
    reminders = len(bench.deadlines)
    gated.open()
    await answer(slow)
    await bench.settle()
    assert [order.number for order in bench.sent(EmergencyStop)] == [1, 2]
    assert len(bench.deadlines) == reminders
    tell(bench, order=2, stopped=("motor",))
    for reply in replies:
        [lane] = (await answer(reply))["lanes"]
        assert (lane["answer"], lane["stopped"]) == ("reported", ["motor"])


async def test_without_an_environment_it_is_answered_at_once_and_recorded(bench):
    told = await bench.do("estop")
    assert (told["lanes"][0]["answer"], told["recorded"]) == ("none", True)
    assert "No environment" in told["lanes"][0]["note"]


async def test_repeats_are_limited_for_each_person_but_never_the_first_one(bench):
    for _ in range(MOST_REPEATS + 1):
        await bench.do("estop", user="jdoe")
    assert (await bench.ask("estop", user="jdoe"))["error"]["code"] == "busy"
    await bench.do("estop", user="another")
    await bench.do("estop_reset")
    await bench.do("estop", user="jdoe")


async def test_a_lane_that_does_not_exist_is_named(bench):
    assert "no lane 'x'" in (await bench.refuse("estop", lane="x"))["msg"]
    assert "no lane 'x'" in (await bench.refuse("estop_reset", lane="x"))["msg"]


async def test_items_may_be_added_while_nothing_starts(bench):
    await bench.open()
    reply = bench.request("estop", reason="smoke")
    tell(bench)
    await answer(reply)
    await bench.add("count")
    for method, params in (
        ("queue_start", {}),
        ("queue_autostart", {"enable": True}),
        ("queue_item_execute", {"item": {"item_type": "plan", "name": "count"}, **USER}),
    ):
        assert "estop_reset" in (await bench.refuse(method, **params))["msg"], method
    assert (await bench.do("estop_reset"))["released"] == ["default"]
    assert (await bench.do("estop_reset"))["released"] == []
    await bench.settle()
    assert bench.sent(Execute) == []
    await bench.do("queue_start")
    assert len(bench.sent(Execute)) == 1


async def test_the_lock_keeps_nobody_from_stopping_but_from_the_reset(bench):
    await bench.do("lock", lock_key="k", user="jdoe", environment=True, queue=True)
    await bench.do("estop")
    await bench.refuse("estop_reset")
    await bench.do("estop_reset", lock_key="k")


async def test_a_deadline_comes_back_as_an_event_at_its_time(bench):
    await bench.open()
    reply = bench.request("estop")
    timers = Timers(bench.engine, bench.clock)
    [(_, missing), (_, _)] = bench.deadlines
    timers.set(0.0, missing)
    told = await answer(reply)
    assert told["lanes"][0]["answer"] == "silent"
    timers.close()
