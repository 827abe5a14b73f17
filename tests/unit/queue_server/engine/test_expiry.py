"""Answers that have expired are forgotten at their time, also where nobody asks for anything."""

from __future__ import annotations

import asyncio
import logging

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.engine.expiry import LONGEST_S, Expiry
from queue_server.protocol.answers import Answer, Repeatable
from queue_server.protocol.errors import StorageFullError
from queue_server.storage.memory import open_memory
from tests.doubles.bench import Bench
from tests.doubles.stores import FailingStore


@pytest.fixture
async def store():
    """A store whose commits can fail."""
    return FailingStore(open_memory(clock=ManualClock(), chance=Chance.seeded(1)))


@pytest.fixture
async def bench(store):
    """A manager that serves."""
    async with Bench.on(store) as bench:
        yield bench


@pytest.fixture
def pauses():
    """The deadlines that are set, in seconds, each with what is done when it has passed."""
    return []


@pytest.fixture
async def expiry(bench, pauses):
    """What forgets, with deadlines that pass when the test says so."""
    made = make(bench, pauses)
    yield made
    made.close()


def make(bench, pauses):
    """Return what forgets the answers of a bench."""

    def call_later(pause_s, callback):
        pauses.append((pause_s, callback))
        return asyncio.get_running_loop().call_later(3600, lambda: None)

    return Expiry(bench.engine, call_later)


async def keep(bench, expires_in_s, key="key"):
    """Keep an answer."""
    now = bench.clock.wall()
    answer = Answer(Repeatable("jdoe", "here", key), "f", 200, "m", "{}", now, now + expires_in_s)
    await bench.store.transact(lambda tx: tx.keep_answer(answer))


async def look(bench):
    """Return when the next answer expires, in seconds from now."""
    due = await bench.store.transact(lambda tx: tx.next_expiry())
    return None if due is None else due - bench.clock.wall()


async def test_the_deadline_is_when_the_next_answer_expires(bench, expiry, pauses):
    await keep(bench, 600, "a")
    await keep(bench, 700, "b")
    expiry.begin()
    await bench.settle()
    [(pause_s, pass_deadline)] = pauses
    assert pause_s == 600
    bench.clock.advance(600)
    pass_deadline()
    await bench.settle()
    assert await look(bench) == 100
    assert [pause_s for pause_s, _ in pauses] == [600, 100]


async def test_without_answers_it_looks_again_a_day_later(bench, expiry, pauses):
    expiry.begin()
    await bench.settle()
    assert [pause_s for pause_s, _ in pauses] == [LONGEST_S]


async def test_an_answer_that_lasts_long_is_looked_at_each_day_because_clocks_are_set(bench, expiry, pauses):
    await keep(bench, 7 * LONGEST_S)
    expiry.begin()
    await bench.settle()
    assert [pause_s for pause_s, _ in pauses] == [LONGEST_S]


async def test_many_that_have_expired_are_forgotten_in_parts(bench, expiry, pauses):
    for number in range(150):
        await keep(bench, 1, str(number))
    bench.clock.advance(5)
    expiry.begin()
    await bench.settle()
    [(pause_s, pass_deadline)] = pauses
    assert pause_s == 1
    pass_deadline()
    await bench.settle()
    assert await look(bench) is None


async def test_a_full_disk_puts_it_off(bench, expiry, pauses, caplog):
    bench.store.failure = StorageFullError()
    with caplog.at_level(logging.ERROR):
        expiry.begin()
        with pytest.raises(StorageFullError):
            await bench.settle()
    assert [pause_s for pause_s, _ in pauses] == [LONGEST_S]
    assert "kept for now" in caplog.text
    bench.store.failure = None


async def test_it_ends_with_the_engine(bench, pauses):
    expiry = make(bench, pauses)
    await bench.end()
    expiry.begin()
    told = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(told.set_result, None)
    await told
    assert pauses == []
    expiry.close()
