"""The feed: read once, handed to all, and nobody who is slow holds anybody up."""

from __future__ import annotations

import asyncio

import pytest

from http_gateway.feed import NoticeFeed, Subscription
from queue_server.client.notices import Notice
from queue_server.protocol.notices import CONSOLE_TOPIC, EVENT_TOPIC

PATIENCE_S = 60


@pytest.fixture
async def feed(manager):
    feed = NoticeFeed(manager.info)
    for _ in range(4):
        await manager.await_subscriber()
    yield feed
    await feed.close()


async def test_every_listener_of_a_topic_hears_a_notice(feed, manager):
    subscriptions = [feed.subscribe([CONSOLE_TOPIC], 10) for _ in range(3)]
    await manager.publish(CONSOLE_TOPIC, {"time": 1.0, "msg": "hello"})
    async with asyncio.timeout(PATIENCE_S):
        assert [(await one.take()).text for one in subscriptions] == ["hello"] * 3


async def test_other_topics_are_not_heard(feed, manager):
    events = feed.subscribe([EVENT_TOPIC], 10)
    await manager.publish(CONSOLE_TOPIC, {"time": 1.0, "msg": "hello"})
    await manager.publish(EVENT_TOPIC, {"seq": 1})
    async with asyncio.timeout(PATIENCE_S):
        assert (await events.take()).payload == {"seq": 1}


async def test_a_burst_arrives_whole_and_in_order(feed, manager):
    lines = feed.subscribe([CONSOLE_TOPIC], 2000)
    for number in range(1000):
        await manager.publish(CONSOLE_TOPIC, {"time": 1.0, "msg": str(number)})
    async with asyncio.timeout(PATIENCE_S):
        assert [int((await lines.take()).text) for _ in range(1000)] == list(range(1000))


async def test_after_the_release_nothing_is_heard(feed, manager):
    left, stays = feed.subscribe([EVENT_TOPIC], 10), feed.subscribe([EVENT_TOPIC], 10)
    left.close()
    await manager.publish(EVENT_TOPIC, {"seq": 1})
    async with asyncio.timeout(PATIENCE_S):
        await stays.take()
        assert await left.take() is None


async def test_a_full_buffer_loses_its_oldest_notices_and_counts_them():
    subscription = Subscription(3)
    for number in range(5):
        subscription.put(Notice(EVENT_TOPIC, {"seq": number}))
    assert subscription.dropped == 2
    taken = [await subscription.take() for _ in range(3)]
    assert [notice.payload["seq"] for notice in taken if notice is not None] == [2, 3, 4]


async def test_closing_wakes_whoever_waits():
    subscription = Subscription(3)
    waiting = asyncio.create_task(subscription.take())
    asyncio.get_running_loop().call_soon(subscription.close)
    async with asyncio.timeout(PATIENCE_S):
        assert await waiting is None
