"""Opening, closing and destroying the environment."""

from __future__ import annotations

import pytest

from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.worker_link import Close, EnvironmentClosed

DONE = {"success": True, "msg": ""}


async def test_opening_starts_one_worker_under_a_new_incarnation(bench):
    assert await bench.do("environment_open") == DONE
    [(lane, incarnation)] = bench.noted("start")
    assert (lane, incarnation) == (DEFAULT_LANE, bench.incarnation)
    assert bench.status["manager_state"] == "creating_environment"
    assert bench.status["worker_environment_state"] == "initializing"
    assert bench.status["worker_environment_exists"] is False


async def test_whoever_has_the_reply_finds_the_state_changed(bench):
    assert await bench.do("environment_open") == DONE
    assert [entry[0] for entry in bench.journal if entry[0] in ("reply", "status")].count("status") == 2
    assert bench.status["manager_state"] == "creating_environment"


async def test_an_open_environment_is_idle_and_exists(bench):
    await bench.open()
    status = bench.status
    assert (status["manager_state"], status["worker_environment_state"]) == ("idle", "idle")
    assert (status["worker_environment_exists"], status["re_state"]) == (True, "idle")
    assert (status["ip_kernel_state"], status["ip_kernel_captured"]) == ("disabled", True)


async def test_it_can_be_opened_only_once(bench):
    await bench.do("environment_open")
    assert "opened already" in (await bench.refuse("environment_open"))["msg"]
    bench.hello()
    await bench.exit()
    await bench.open()
    reply = await bench.refuse("environment_open")
    assert reply["msg"] == "RE Worker environment already exists."
    assert reply["error"]["code"] == "wrong_state"


async def test_every_opening_has_an_incarnation_of_its_own(bench):
    await bench.open()
    first = bench.incarnation
    await bench.exit()
    await bench.open()
    assert bench.incarnation != first


async def test_closing_asks_the_worker_and_ends_with_its_exit(bench):
    await bench.open()
    worker = bench.incarnation
    assert await bench.do("environment_close") == DONE
    assert bench.noted("send")[-1] == (worker, Close())
    assert bench.status["manager_state"] == "closing_environment"
    await bench.report(EnvironmentClosed)
    await bench.exit("exit code 0")
    status = bench.status
    assert (status["manager_state"], status["worker_environment_state"]) == ("idle", "closed")
    assert (status["re_state"], status["ip_kernel_state"]) == (None, None)
    assert status["lanes"][0]["reason"] == ""


@pytest.mark.parametrize("method", ["environment_close", "environment_destroy"])
async def test_an_environment_that_does_not_exist_can_neither_be_closed_nor_destroyed(bench, method):
    assert "does not exist" in (await bench.refuse(method))["msg"]


async def test_a_busy_environment_is_not_closed(executing):
    assert "RE Manager must be in idle state" in (await executing.refuse("environment_close"))["msg"]
    await executing.pause()
    assert "RE Manager must be in idle state" in (await executing.refuse("environment_close"))["msg"]


async def test_a_busy_environment_can_be_destroyed(executing):
    assert await executing.do("environment_destroy") == DONE
    assert executing.noted("kill") == [(DEFAULT_LANE, executing.incarnation)]
    assert executing.status["manager_state"] == "destroying_environment"


async def test_an_environment_that_hangs_while_it_opens_can_be_destroyed(bench):
    await bench.do("environment_open")
    await bench.do("environment_destroy")
    await bench.exit("killed by SIGKILL")
    assert bench.status["manager_state"] == "idle"


@pytest.mark.parametrize("method", ["environment_open", "environment_close", "environment_destroy"])
async def test_a_parameter_that_nobody_knows_is_refused(bench, method):
    reply = await bench.refuse(method, force=True)
    assert "unsupported parameters: 'force'" in reply["msg"]
    assert reply["error"]["details"]["field"] == "force"


async def test_what_a_person_did_stands_in_the_event_log(bench):
    await bench.do("environment_open")
    await bench.do("environment_destroy")
    assert bench.events() == ["environment_open", "environment_destroy"]
