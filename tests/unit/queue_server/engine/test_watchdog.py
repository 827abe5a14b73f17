"""The sign of life: given after a round trip through the store, and missing when that does not come back."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.engine.watchdog import Watchdog
from queue_server.protocol.errors import StorageError, StorageFullError
from tests.doubles.stores import FailingStore, GatedStore


class Signs:
    """Counts signs of life, and lets a test wait for them."""

    def __init__(self):
        self.count = 0
        self._came = asyncio.Event()

    def __call__(self):
        self.count += 1
        self._came.set()

    async def wait(self, count):
        async with asyncio.timeout(60):
            while self.count < count:
                self._came.clear()
                await self._came.wait()


@pytest.fixture
async def signs():
    return Signs()


@pytest.fixture
async def watch(signs):
    """Begin to watch engines; every watchdog is stopped with the test."""
    made = []

    def make(bench):
        made.append(Watchdog(bench.engine, signs, period_s=0.001))
        made[-1].start()
        return made[-1]

    yield make
    for watchdog in made:
        watchdog.stop()


async def test_signs_come_as_long_as_turns_are_taken(bench, watch, signs):
    watch(bench)
    await signs.wait(3)


async def test_no_sign_comes_while_the_store_does_not_answer(make_bench, store, watch, signs):
    gated = GatedStore(store)
    bench = await make_bench(gated)
    gated.shut()
    watch(bench)
    await gated.wait_for_turn()
    assert signs.count == 0
    gated.open()
    await signs.wait(1)


async def test_a_full_disk_is_an_answer_and_signs_go_on(make_bench, store, watch, signs):
    failing = FailingStore(store)
    bench = await make_bench(failing)
    failing.failure = StorageFullError()
    watch(bench)
    await signs.wait(3)


async def test_no_sign_comes_from_an_engine_whose_store_is_gone(make_bench, store, watch, signs):
    failing = FailingStore(store)
    bench = await make_bench(failing)
    failing.failure = StorageError("the disk is gone")
    watch(bench)
    with pytest.raises(StorageError):
        await bench.running
    assert signs.count == 0


async def test_no_sign_comes_after_the_stop(bench, watch, signs):
    watchdog = watch(bench)
    await signs.wait(1)
    watchdog.stop()
    count = signs.count
    await bench.settle()
    assert signs.count == count
