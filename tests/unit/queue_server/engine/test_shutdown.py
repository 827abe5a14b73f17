"""The end that a signal asks for: at once, or once plans have paused; a second order to kill does not wait for that."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.engine.shutdown import Shutdown
from queue_server.protocol.worker_link import ItemFinished, Pause, REStateChanged
from tests.doubles.bench import USER, plan

PATIENCE_S = 60
LONG_S = 60.0


@pytest.fixture
async def shut():
    """Make shutdowns that obey; all end with the test."""
    tasks = []

    def make(bench, pause_s=0.0):
        shutdown = Shutdown(bench.engine, bench.clock, pause_s)
        tasks.append(asyncio.create_task(shutdown.run()))
        return shutdown

    yield make
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def start_plan(bench):
    """Begin a plan."""
    await bench.open()
    await bench.add("count")
    await bench.do("queue_start")
    await bench.run_plan()


async def ended(bench):
    """Wait until the engine takes no more turns."""
    async with asyncio.timeout(PATIENCE_S):
        await bench.running


async def paused(bench):
    """Wait until a pause has been ordered; return the options of all such orders."""
    async with asyncio.timeout(PATIENCE_S):
        await bench.engine.wait_until(lambda state: state.lane("default").attempt.order is not None)
    return [message.option for message in bench.sent(Pause)]


async def test_an_idle_manager_ends_at_once(bench, shut):
    shut(bench, LONG_S).ask("close_idle")
    await ended(bench)
    assert bench.ended.is_set()


async def test_a_running_plan_is_left_alone(bench, shut):
    await start_plan(bench)
    shut(bench).ask("close_idle")
    await ended(bench)
    assert bench.sent(Pause) == []
    assert bench.noted("kill") == []


async def test_a_running_plan_pauses_at_its_next_checkpoint_where_that_is_wished(bench, shut):
    await start_plan(bench)
    shut(bench, LONG_S).ask("close_idle")
    assert await paused(bench) == ["deferred"]
    assert not bench.ended.is_set()
    await bench.pause()
    await ended(bench)
    assert bench.ended.is_set()


async def test_a_plan_that_ends_instead_of_pausing_is_not_waited_for(bench, shut):
    await start_plan(bench)
    shut(bench, LONG_S).ask("close_idle")
    await paused(bench)
    await bench.report(REStateChanged, attempt=bench.key, re_state="idle")
    bench.tell(ItemFinished, attempt=bench.key, outcome="completed", time_start=1.0, time_stop=2.0)
    async with asyncio.timeout(PATIENCE_S):
        await bench.engine.wait_until(lambda state: state.phase != "serving")


async def test_a_plan_that_does_not_pause_in_time_is_left_to_its_worker(bench, shut, caplog):
    await start_plan(bench)
    shut(bench, 0.05).ask("close_idle")
    await ended(bench)
    assert "has not paused" in caplog.text
    assert bench.noted("kill") == []


async def test_a_plan_that_is_paused_already_is_not_waited_for(bench, shut):
    await start_plan(bench)
    await bench.do("re_pause", option="deferred")
    await bench.pause()
    shut(bench, LONG_S).ask("close_idle")
    await ended(bench)
    assert len(bench.sent(Pause)) == 1


async def test_an_order_to_kill_does_not_wait_for_a_pause(bench, shut):
    await start_plan(bench)
    shutdown = shut(bench, LONG_S)
    shutdown.ask("close_idle")
    await paused(bench)
    shutdown.ask("kill")
    async with asyncio.timeout(PATIENCE_S):
        await bench.engine.wait_until(lambda state: state.phase == "stopping")
    assert len(bench.noted("kill")) == 1


async def test_new_requests_are_refused_while_the_manager_ends_and_reading_goes_on(bench, shut):
    await bench.open()
    shutdown = shut(bench)
    shutdown.ask("close_idle")
    async with asyncio.timeout(PATIENCE_S):
        await bench.engine.wait_until(lambda state: state.phase == "stopping")
    reply = await bench.refuse("queue_item_add", item=plan(), **USER)
    assert reply["error"]["code"] == "shutting_down"
    assert reply["error"]["details"]["retry_after_s"] > 0
    assert (await bench.ask("queue_get"))["items"] == []
    assert (await bench.ask("status"))["manager_state"] is not None
    await bench.do("manager_stop", option="safe_off")
    assert len(bench.noted("kill")) == 1


async def test_a_processing_graph_cannot_pause_and_is_not_waited_for(bench, shut):
    await start_plan(bench)
    await bench.report(REStateChanged, attempt=bench.key, re_state="computing")
    shut(bench, LONG_S).ask("close_idle")
    await ended(bench)
    assert bench.sent(Pause) == []
