"""Transactions: all or nothing, one after the other, over when they are over."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from queue_server.protocol.errors import NotFoundError, StorageError
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.items import BACK, FRONT, Run
from queue_server.storage.base import StoredReply


async def test_the_result_of_the_work_is_returned(store):
    assert await store.transact(lambda tx: ("any", tx.count_queue("default"))) == ("any", 0)


async def test_a_store_has_an_identity_and_a_first_epoch(store):
    assert uuid.UUID(store.instance_id).version == 7
    assert store.epoch == 1


async def test_work_that_raises_changes_nothing(store, item, fill, claim, result, order):
    await fill("a", "b", "c")
    key = await claim()
    await store.transact(lambda tx: tx.save("d", b"before"))

    def work(tx):
        tx.open_run(key, Run("z"))
        tx.finish(key, result())
        tx.claim_next("default", 1, 0.0)
        tx.move("c", FRONT)
        tx.replace("c", item("n"))
        tx.set_held("n", "why")
        tx.insert([item("x")], FRONT)
        tx.remove(["n"])
        tx.clear("default")
        tx.trim_history(0)
        tx.append_event(EventRecord("e", 1.0, 1))
        tx.save("d", b"after")
        tx.store_reply("k", StoredReply(b"1", b"1"), 0.0)
        raise ValueError("at the end")

    with pytest.raises(ValueError, match="at the end"):
        await store.transact(work)

    def look(tx):
        [running] = tx.running()
        return running.attempt, running.runs, tx.count_history(), tx.last_seq(), tx.load("d"), tx.stored_reply("k")

    assert await order() == ["b", "c"]
    assert await store.transact(look) == (key, (), 0, 0, b"before", None)


async def test_a_savepoint_undoes_its_block_only(store, item, order):
    def work(tx):
        tx.insert([item("a")], BACK)
        with pytest.raises(NotFoundError), tx.savepoint():
            tx.insert([item("b")], BACK)
            tx.append_event(EventRecord("lost", 1.0, 1))
            tx.remove(["gone"])
        with tx.savepoint():
            tx.insert([item("c")], BACK)
        return tx.append_event(EventRecord("kept", 1.0, 1))

    assert await store.transact(work) == 1
    assert await order() == ["a", "c"]


async def test_savepoints_nest(store, item, order):
    def work(tx):
        with pytest.raises(ValueError, match="outer"), tx.savepoint():
            tx.insert([item("a")], BACK)
            with tx.savepoint():
                tx.insert([item("b")], BACK)
            raise ValueError("outer")
        with tx.savepoint():
            tx.insert([item("c")], BACK)
            with pytest.raises(ValueError, match="inner"), tx.savepoint():
                tx.insert([item("d")], BACK)
                raise ValueError("inner")

    await store.transact(work)
    assert await order() == ["c"]


async def test_a_savepoint_that_stands_falls_with_its_transaction(store, item, order):
    def work(tx):
        with tx.savepoint():
            tx.insert([item("a")], BACK)
        raise ValueError("later")

    with pytest.raises(ValueError, match="later"):
        await store.transact(work)
    assert await order() == []


async def test_a_transaction_cannot_be_used_when_it_is_over(store, item, order):
    kept = await store.transact(lambda tx: tx)
    with pytest.raises(StorageError, match="ended"):
        kept.insert([item("a")], BACK)
    with pytest.raises(StorageError, match="ended"):
        kept.queue("default")
    assert await order() == []


async def test_transactions_of_many_tasks_come_one_after_the_other(store, item, order):
    def add(number):
        def work(tx):
            count = tx.count_queue("default")
            tx.insert([item(f"{number:02}", content={"count": count})], BACK)

        return work

    await asyncio.gather(*(store.transact(add(number)) for number in range(50)))
    found = await store.transact(lambda tx: tx.queue("default"))
    assert [each.content["count"] for each in found] == list(range(50))
    assert await order() == [f"{number:02}" for number in range(50)]


async def test_work_may_raise_what_a_future_cannot_carry(store):
    def work(tx):
        raise StopIteration

    with pytest.raises((StopIteration, RuntimeError)):
        await store.transact(work)


async def test_a_closed_store_refuses_and_may_be_closed_again(store):
    await store.close()
    with pytest.raises(StorageError, match="closed"):
        await store.transact(lambda tx: None)
    await store.close()
