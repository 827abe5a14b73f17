"""The thread of a store: in order, with results and errors handed to who waits."""

from __future__ import annotations

import asyncio
import threading

import pytest

from queue_server.storage.writer import Writer


@pytest.fixture
def writer():
    started = Writer("store-test")
    yield started
    started.stop()


async def test_work_is_done_in_one_other_thread(writer):
    names = {await writer.run(lambda: threading.current_thread().name) for _ in range(3)}
    assert names == {"store-test"}


async def test_what_the_work_raises_is_raised_where_it_is_waited_for(writer):
    def fail():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await writer.run(fail)
    assert await writer.run(lambda: 1) == 1


async def test_an_exception_that_no_future_can_carry_is_told_all_the_same(writer):
    def fail():
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await writer.run(fail)


async def test_work_is_done_in_the_order_in_which_it_was_handed_over(writer):
    done = []
    gate = threading.Event()
    first = asyncio.ensure_future(writer.run(gate.wait))
    others = [asyncio.ensure_future(writer.run(lambda n=n: done.append(n))) for n in range(20)]
    await asyncio.wait(others, timeout=0)
    gate.set()
    await asyncio.gather(first, *others)
    assert done == list(range(20))


async def test_work_whose_caller_was_cancelled_is_still_done(writer):
    gate, done = threading.Event(), threading.Event()

    def work():
        gate.wait()
        done.set()

    waiting = asyncio.ensure_future(writer.run(work))
    await asyncio.wait([waiting], timeout=0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    await writer.run(lambda: None)
    assert done.is_set()


async def test_posted_work_is_done_after_what_waits(writer):
    done = []
    await writer.run(lambda: (writer.post(lambda: done.append("posted")), done.append("run")))
    await writer.run(lambda: None)
    assert done == ["run", "posted"]


def test_work_that_outlives_its_loop_ends_quietly(writer):
    gate = threading.Event()

    async def leave():
        task = asyncio.ensure_future(writer.run(gate.wait))
        await asyncio.wait([task], timeout=0)
        task.cancel()

    asyncio.run(leave())
    gate.set()
    assert asyncio.run(writer.run(lambda: "alive")) == "alive"


def test_stopping_does_what_waits_and_ends_the_thread():
    writer, done = Writer("store-end"), []
    for number in range(5):
        writer.post(lambda number=number: done.append(number))
    writer.stop()
    assert done == list(range(5))
    assert "store-end" not in {thread.name for thread in threading.enumerate()}
