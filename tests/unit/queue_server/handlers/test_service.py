"""Status, configuration, events, and the orderly end of the manager."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.protocol.status import DOCUMENTED_KEYS
from queue_server.protocol.worker_link import Close
from tests.doubles.bench import PATIENCE_S


@pytest.mark.parametrize("method", ["status", "ping"])
async def test_the_status_is_answered_bare_with_every_documented_key(bench, method):
    reply = await bench.ask(method)
    assert set(DOCUMENTED_KEYS) <= set(reply)
    assert len(DOCUMENTED_KEYS) == 27
    assert "success" not in reply
    assert reply == bench.status


async def test_two_requests_without_a_change_between_them_get_the_same_status(bench):
    first = await bench.ask("status")
    bench.clock.advance(10)
    await bench.do("queue_get")
    assert await bench.ask("status") == first


@pytest.mark.parametrize("method", ["status", "ping"])
async def test_the_status_takes_no_parameters_but_one_that_clients_send_in_vain(bench, method):
    assert await bench.ask(method, reload=True) == bench.status
    reply = await bench.ask(method, verbose=True)
    assert reply["success"] is False
    assert set(reply) == {"success", "msg", "error"}


async def test_there_is_no_kernel_to_connect_to_and_the_notices_have_an_address(bench):
    config = {"ip_connect_info": {}, "info": bench.INFO}
    assert (await bench.do("config_get"))["config"] == config


# --- events ---------------------------------------------------------------------------------------------------------


async def test_events_are_read_page_by_page_behind_the_last_known_one(bench):
    await bench.add("count", "scan", "count")
    first = await bench.do("events_get", limit=2)
    assert [event["seq"] for event in first["events"]] == [1, 2]
    assert first["last_seq"] == 3
    second = await bench.do("events_get", since=2)
    assert [event["seq"] for event in second["events"]] == [3]
    assert (await bench.do("events_get", since=3))["events"] == []


async def test_what_is_published_is_what_can_be_asked_for_later(bench):
    await bench.add("count")
    [(published,)] = bench.noted("event")
    [asked] = (await bench.do("events_get"))["events"]
    assert (asked["seq"], asked["kind"], asked["data"]) == (published.seq, published.kind, published.data)


@pytest.mark.parametrize("params", [{"since": -1}, {"limit": 0}, {"limit": 1001}, {"since": "1"}])
async def test_a_page_out_of_bounds_is_refused_by_name(bench, params):
    reply = await bench.refuse("events_get", **params)
    assert reply["error"]["details"]["field"] == next(iter(params))
    assert (reply["events"], reply["last_seq"]) == ([], 0)


# --- stop -----------------------------------------------------------------------------------------------------------


async def test_an_idle_manager_without_an_environment_ends_at_once(bench):
    assert await bench.do("manager_stop") == {"success": True, "msg": ""}
    assert bench.ended.is_set()


async def test_an_open_environment_is_closed_first(bench):
    await bench.open()
    await bench.do("manager_stop")
    assert bench.sent(Close) == [Close()]
    assert not bench.ended.is_set()
    bench.intake.hear_exit("default", bench.incarnation, "exit code 0")
    async with asyncio.timeout(PATIENCE_S):
        await bench.ended.wait()


@pytest.mark.parametrize("params", [{}, {"option": "safe_on"}])
async def test_a_busy_manager_is_not_stopped_by_mistake(executing, params):
    reply = await executing.refuse("manager_stop", **params)
    assert "RE Manager must be in idle state" in reply["msg"]
    assert "safe_off" in reply["msg"]


async def test_a_busy_manager_can_be_stopped_with_its_worker(executing):
    await executing.do("manager_stop", option="safe_off")
    assert executing.noted("kill") == [("default", executing.incarnation)]
    executing.intake.hear_exit("default", executing.incarnation, "killed by SIGKILL")
    async with asyncio.timeout(PATIENCE_S):
        await executing.ended.wait()


async def test_a_stopping_manager_starts_nothing_new(bench):
    await bench.open()
    await bench.add("count")
    await bench.do("manager_stop")
    for method in ("queue_start", "environment_open", "environment_close"):
        assert "stopping" in (await bench.refuse(method))["msg"]


async def test_an_unknown_way_to_stop_is_refused(bench):
    assert (await bench.refuse("manager_stop", option="now"))["error"]["details"]["field"] == "option"


async def test_a_manager_is_not_frozen_unless_tests_are_allowed_to(bench):
    assert (await bench.refuse("manager_kill"))["error"]["code"] == "forbidden"
