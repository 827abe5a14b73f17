"""Controlling the running plan, and its list of runs."""

from __future__ import annotations

import pytest

from queue_server.protocol.worker_link import Continue, Pause, REStateChanged, RunOpened

DONE = {"success": True, "msg": ""}
ORDERS = ["re_resume", "re_stop", "re_abort", "re_halt"]


@pytest.mark.parametrize(("params", "option"), [({}, "deferred"), ({"option": "immediate"}, "immediate")])
async def test_a_pause_reaches_the_worker_and_shows_until_it_is_met(executing, params, option):
    assert await executing.do("re_pause", **params) == DONE
    assert [(order.attempt, order.option) for order in executing.sent(Pause)] == [(executing.key, option)]
    assert executing.status["pause_pending"] is True
    assert executing.status["lanes"][0]["waiting_for"] == "the plan to pause"
    await executing.pause()
    assert executing.status["pause_pending"] is False
    assert executing.status["manager_state"] == "paused"


@pytest.mark.parametrize("method", ORDERS)
async def test_a_paused_plan_goes_on_or_ends_as_ordered(executing, method):
    await executing.pause()
    assert await executing.do(method) == DONE
    verb = method.removeprefix("re_")
    assert [(order.attempt, order.option) for order in executing.sent(Continue)] == [(executing.key, verb)]
    assert executing.status["manager_state"] != "paused"
    assert "paused" in (await executing.refuse(method))["msg"]


@pytest.mark.parametrize("method", ORDERS)
async def test_a_plan_that_is_not_paused_cannot_be_told_to_go_on_or_to_end(executing, method):
    reply = await executing.refuse(method)
    assert "current state is 'executing_queue'" in reply["msg"]
    assert reply["error"]["code"] == "wrong_state"


@pytest.mark.parametrize("method", ["re_pause", *ORDERS])
async def test_without_an_environment_nothing_can_be_controlled(bench, method):
    assert "Environment does not exist" in (await bench.refuse(method))["msg"]


async def test_an_idle_environment_has_nothing_to_pause(bench):
    await bench.open()
    assert "nothing to pause" in (await bench.refuse("re_pause"))["msg"]


@pytest.mark.parametrize("option", ["later", 1, None])
async def test_an_unknown_kind_of_pause_is_refused_by_name(executing, option):
    reply = await executing.refuse("re_pause", option=option)
    assert reply["error"]["details"]["field"] == "option"


async def test_a_pause_before_the_plan_has_begun_is_sent_when_it_has(bench):
    await bench.open()
    await bench.add("count")
    await bench.do("queue_start")
    await bench.do("re_pause")
    assert bench.sent(Pause) == []
    await bench.report(REStateChanged, attempt=bench.key, re_state="running")
    assert len(bench.sent(Pause)) == 1


# --- runs -----------------------------------------------------------------------------------------------------------


async def test_open_and_closed_runs_can_be_told_apart(executing):
    await executing.close_run()
    await executing.report(RunOpened, attempt=executing.key, run_uid="run-2", scan_id=2)
    closed = {"uid": "run-1", "scan_id": 1, "is_open": False, "exit_status": "success"}
    opened = {"uid": "run-2", "scan_id": 2, "is_open": True, "exit_status": None}
    expected = {"active": [closed, opened], "open": [opened], "closed": [closed]}
    for option, runs in expected.items():
        assert (await executing.do("re_runs", option=option))["run_list"] == runs
    assert (await executing.do("re_runs"))["run_list"] == [closed, opened]


async def test_the_uid_of_the_list_changes_when_a_run_opens_and_closes_and_when_the_list_is_cleared(executing):
    seen = [(await executing.do("re_runs"))["run_list_uid"]]
    await executing.close_run()
    seen.append((await executing.do("re_runs"))["run_list_uid"])
    await executing.finish()
    reply = await executing.do("re_runs")
    assert reply["run_list"] == []
    assert reply["run_list_uid"] == executing.status["run_list_uid"]
    assert len({*seen, reply["run_list_uid"]}) == 3


async def test_an_unknown_kind_of_runs_is_refused_in_the_shape_of_the_reply(bench):
    reply = await bench.refuse("re_runs", option="all")
    assert (reply["run_list"], reply["run_list_uid"]) == ([], "")
    assert reply["error"]["details"]["field"] == "option"
