"""Following the event log: every event once and in order, whatever the publisher loses and however messages cross."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_gateway.event_relay import EventRelay
from queue_server.protocol.errors import RequestTimeoutError


class Log:
    """An event log behind a link; a question waits until it is let through, if ``gate`` is closed."""

    def __init__(self):
        self.last = 0
        self.is_silent = False
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def call(self, method, params, caller):
        assert (method, caller.identity.scopes) == ("events_get", {"read:monitor"})
        self.asked += 1
        last = self.last
        await self.gate.wait()
        if self.is_silent:
            raise RequestTimeoutError("no answer")
        since = params["since"]
        numbers = range(since + 1, min(last, since + params["limit"]) + 1)
        return {"success": True, "events": [event(number) for number in numbers], "last_seq": last}


def event(seq):
    """An event as the log tells it."""
    return {"seq": seq, "time": float(seq), "kind": "k", "origin": {"user": "anna"}, "data": {}}


@pytest.fixture
async def log():
    """The event log."""
    return Log()


@pytest.fixture
async def seen():
    """What was delivered: numbers, and 'lost' for a jump."""
    return []


@pytest.fixture
async def relay(log, seen):
    """A relay that follows the log."""
    relay = EventRelay(log, lambda found: seen.append(found["seq"]), lambda: seen.append("lost"))
    yield relay
    await relay.close()


async def turn():
    """Let other tasks run."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done


def publish(relay, log, *numbers):
    """Let the log grow to the last number, and publish some of its events."""
    for number in numbers:
        log.last = max(log.last, number)
        relay.hear(event(number))


async def test_the_first_event_heard_is_where_it_begins(relay, log, seen):
    publish(relay, log, 7, 8)
    assert (seen, await relay.position(), log.asked) == ([7, 8], 8, 0)


async def test_the_position_is_asked_for_as_long_as_nothing_was_heard(relay, log, seen):
    log.last = 5
    assert await relay.position() == 5
    publish(relay, log, 6)
    assert seen == [6]


async def test_a_gap_is_filled_before_what_came_after_it(relay, log, seen):
    publish(relay, log, 1, 4, 5)
    await relay.catch_up_soon()
    assert seen == [1, 2, 3, 4, 5]


async def test_what_is_published_while_a_gap_is_filled_is_not_missed(relay, log, seen):
    publish(relay, log, 1)
    log.gate.clear()
    publish(relay, log, 3)
    await turn()
    publish(relay, log, 4, 5)
    log.gate.set()
    await relay.catch_up_soon()
    assert seen == [1, 2, 3, 4, 5]


async def test_a_manager_that_is_silent_is_asked_again_at_the_next_event(relay, log, seen):
    publish(relay, log, 1)
    log.is_silent = True
    publish(relay, log, 3)
    await asyncio.gather(relay.catch_up_soon(), return_exceptions=True)
    assert seen == [1]
    log.is_silent = False
    publish(relay, log, 4)
    await relay.catch_up_soon()
    assert seen == [1, 2, 3, 4]


async def test_a_position_that_cannot_be_told_is_an_error(relay, log):
    log.is_silent = True
    with pytest.raises(RequestTimeoutError):
        await relay.position()


async def test_too_large_a_gap_is_a_jump(relay, log, seen):
    publish(relay, log, 1, 1500)
    await relay.catch_up_soon()
    publish(relay, log, 1501)
    assert seen == [1, "lost", 1501]


async def test_numbers_that_begin_again_are_a_jump(relay, log, seen):
    publish(relay, log, 41, 42)
    log.last = 0
    publish(relay, log, 1, 2)
    assert seen == [41, 42, "lost", 1, 2]


async def test_another_store_that_is_noticed_while_asking_is_a_jump(relay, log, seen):
    publish(relay, log, 42)
    log.last = 3
    await relay.catch_up_soon()
    publish(relay, log, 4)
    assert seen == [42, "lost", 4]


async def test_an_event_that_is_in_no_log_does_not_keep_it_asking(relay, log, seen):
    publish(relay, log, 1)
    relay.hear(event(9))
    await relay.catch_up_soon()
    assert (seen, log.asked) == ([1], 1)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.data())
async def test_every_event_comes_once_and_in_order(heard, data):
    log: Any = Log()
    seen = []
    relay = EventRelay(log, lambda found: seen.append(found["seq"]), lambda: seen.append("lost"))
    publish(relay, log, 1)
    for number, is_heard in enumerate(heard, start=2):
        log.last = number
        if is_heard:
            relay.hear(event(number))
        if data.draw(st.booleans()):
            await turn()
    await relay.catch_up_soon()
    await relay.catch_up_soon()
    assert seen == list(range(1, len(heard) + 2))
    await relay.close()


async def test_a_part_of_the_log_is_read_as_it_was_published(relay, log):
    log.last = 5
    found = await relay.events_between(2, 4)
    assert [each["seq"] for each in found] == [3, 4]
    assert found[0]["user"] == "anna"
    assert "origin" not in found[0]
    assert await relay.events_between(5, 5) == []
    assert await relay.events_between(0, 1001) is None
