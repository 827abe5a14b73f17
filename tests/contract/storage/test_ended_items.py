"""The finished items of a submission are found as long as the history has them."""

from __future__ import annotations

import pytest

from queue_server.protocol.items import BACK, AttemptKey, Item, Result


@pytest.fixture
def end(store):
    """Let an item of a submission begin and end."""

    async def run(uid, submission):
        def work(tx):
            content = {"item_type": "plan", "name": "count", "item_uid": uid}
            tx.insert([Item(uid, "default", submission, content)], BACK)
            claim = tx.claim_next("default", store.epoch, 1.0)
            assert isinstance(claim.attempt, AttemptKey)
            tx.finish(claim.attempt, Result("completed", 1.0, 2.0, metrics={"x": 1.5}, metrics_error=""))

        await store.transact(work)

    return run


async def test_they_come_in_the_order_of_their_attempts_the_newest_of_many(store, end):
    for uid, submission in (("a", "s"), ("b", "t"), ("c", "s"), ("d", "s")):
        await end(uid, submission)
    await store.transact(lambda tx: tx.insert([Item("e", "default", "s", {"item_uid": "e"})], BACK))
    found = await store.transact(lambda tx: tx.ended("s", 10))
    assert [(entry.item.uid, entry.item.attempt) for entry in found] == [("a", 1), ("c", 2), ("d", 3)]
    assert all(entry.result["metrics"] == {"x": 1.5} for entry in found)
    assert [entry.item.uid for entry in await store.transact(lambda tx: tx.ended("s", 2))] == ["c", "d"]
    assert await store.transact(lambda tx: tx.ended("nobody", 10)) == []


async def test_what_the_history_forgets_is_not_found(store, end):
    for uid in ("a", "b"):
        await end(uid, "s")
    await store.transact(lambda tx: tx.trim_history(1))
    assert [entry.item.uid for entry in await store.transact(lambda tx: tx.ended("s", 10))] == ["b"]
