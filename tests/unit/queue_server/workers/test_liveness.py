"""Heartbeats: silence and its end are told once each, and nothing else happens because of them."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.workers.liveness import BLOCKED_AFTER_S, Heartbeats

SOON_S = 0.02
NEVER_S = 3600


class Heard:
    """Notes what it is told; a test can wait for the number of things."""

    def __init__(self):
        self.told = []
        self._came = asyncio.Event()

    def __call__(self, lane, incarnation, *, answering):
        self.told.append((lane, incarnation, answering))
        self._came.set()

    async def wait(self, count):
        """Return what was told, once it is so much."""
        async with asyncio.timeout(60):
            while len(self.told) < count:
                self._came.clear()
                await self._came.wait()
        return self.told


@pytest.fixture
async def heard():
    return Heard()


@pytest.fixture
async def watch(heard):
    """Make watchers with a deadline; all are closed with the test."""
    made = []

    def make(silent_after_s):
        made.append(Heartbeats(heard, silent_after_s))
        return made[-1]

    yield make
    for heartbeats in made:
        heartbeats.close()


async def test_a_worker_that_never_beats_is_told_as_silent(watch, heard):
    watch(SOON_S).expect("default", "w")
    assert await heard.wait(1) == [("default", "w", False)]


async def test_silence_is_told_once(watch, heard):
    heartbeats = watch(SOON_S)
    heartbeats.expect("default", "a")
    await heard.wait(1)
    heartbeats.expect("default", "b")
    assert await heard.wait(2) == [("default", "a", False), ("default", "b", False)]


async def test_the_first_beat_after_a_silence_is_told(watch, heard):
    heartbeats = watch(SOON_S)
    heartbeats.expect("default", "w")
    await heard.wait(1)
    heartbeats.beat("default", "w", 0.0)
    assert (await heard.wait(2))[1] == ("default", "w", True)


async def test_a_hello_after_a_silence_ends_it(watch, heard):
    heartbeats = watch(SOON_S)
    heartbeats.expect("default", "w")
    await heard.wait(1)
    heartbeats.expect("default", "w")
    assert (await heard.wait(2))[1] == ("default", "w", True)


async def test_a_beat_of_a_worker_whose_plan_blocks_counts_as_silence(watch, heard):
    heartbeats = watch(NEVER_S)
    heartbeats.expect("default", "w")
    for age_s in (0.0, BLOCKED_AFTER_S - 0.1, BLOCKED_AFTER_S, BLOCKED_AFTER_S + 1, 0.0):
        heartbeats.beat("default", "w", age_s)
    assert heard.told == [("default", "w", False), ("default", "w", True)]


async def test_a_beat_puts_the_deadline_off(watch, heard):
    """The deadline of the first worker is put off again and again, so that of the second one comes first."""
    heartbeats = watch(0.1)
    heartbeats.expect("default", "beating")
    heartbeats.expect("default", "silent")
    loop = asyncio.get_running_loop()
    beats = [loop.call_later(0.02 * number, heartbeats.beat, "default", "beating", 0.0) for number in range(1, 20)]
    assert await heard.wait(1) == [("default", "silent", False)]
    for beat in beats:
        beat.cancel()


async def test_a_forgotten_worker_is_told_of_no_more(watch, heard):
    heartbeats = watch(SOON_S)
    heartbeats.expect("default", "gone")
    heartbeats.forget("gone")
    heartbeats.forget("stranger")
    heartbeats.expect("default", "silent")
    assert await heard.wait(1) == [("default", "silent", False)]


async def test_after_the_end_nothing_is_told(watch, heard):
    closed = watch(SOON_S)
    closed.expect("default", "closed")
    closed.close()
    watch(2 * SOON_S).expect("default", "other")
    assert await heard.wait(1) == [("default", "other", False)]
