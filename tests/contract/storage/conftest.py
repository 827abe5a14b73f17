"""Every test of this directory runs against every store, in the same words."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.protocol.items import BACK, Item, Result


@pytest.fixture
def item():
    """A builder of items."""

    def build(uid, **fields):
        content = {"item_type": "plan", "name": "count", "item_uid": uid} | fields.pop("content", {})
        return Item(**{"uid": uid, "lane": "default", "submission": f"s-{uid}", "content": content} | fields)

    return build


@pytest.fixture
def fill(store, item):
    """Put items with these uids into the queue of a lane, in order."""

    async def insert(*uids, lane="default", place=BACK, **fields):
        items = [item(uid, lane=lane, **fields) for uid in uids]
        await store.transact(lambda tx: tx.insert(items, place))

    return insert


@pytest.fixture
def order(store):
    """Read the uids in the queue of a lane."""

    async def read(lane="default"):
        return [found.uid for found in await store.transact(lambda tx: tx.queue(lane))]

    return read


@pytest.fixture
def claim(store):
    """Open an attempt for the head of a lane and return its key."""

    async def open_attempt(lane="default", epoch=1, time=100.0):
        return (await store.transact(lambda tx: tx.claim_next(lane, epoch, time))).attempt

    return open_attempt


@pytest.fixture
def result():
    """A builder of results."""

    def build(outcome="completed", **fields):
        return replace(Result("completed", time_start=100.0, time_stop=101.5), outcome=outcome, **fields)

    return build


@pytest.fixture
def finish_all(store, fill, claim, result):
    """Let items with these uids run and finish, in order."""

    async def run(*uids, **fields):
        for uid in uids:
            await fill(uid, **fields)
            key = await claim()
            await store.transact(lambda tx, key=key: tx.finish(key, result()))

    return run
