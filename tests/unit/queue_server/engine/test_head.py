"""The head of a queue costs no look into the store unless it comes after others."""

from __future__ import annotations

from typing import Any

import pytest

from queue_server.core.model import Awaited, Lane, State, Worker
from queue_server.engine.head import Head, find_predecessor
from queue_server.engine.inputs import Filled, fill_inputs
from queue_server.protocol.items import BACK, Item, Result


class _Untouched:
    def __getattr__(self, name):
        raise AssertionError(f"the store is asked for {name}")


UNTOUCHED: Any = _Untouched()
"""A transaction that must not be asked for anything."""


def state_of(*names):
    worker = Worker(environment="open", incarnation="w")
    return State(epoch=1, phase="serving", lanes=tuple(Lane(name, worker) for name in names))


def item(uid="u", lane="a", submission=None, **content):
    return Item(uid, lane, submission or uid, {"item_type": "dag", "name": "merge", **content})


@pytest.mark.parametrize("names", ["a", "ab"])
def test_an_item_that_comes_after_nothing_costs_no_statement(names):
    head = Head(UNTOUCHED, state_of(*names), lambda _: None)
    assert head.may_begin(item(kwargs={"one": {"item_uid": "x"}}))
    assert (head.awaited, head.obstacle) == ((), "")
    given = item(kwargs={"one": {"item_uid": "x"}})
    assert fill_inputs(UNTOUCHED, given) == Filled(given)


async def test_what_it_comes_after_is_read_from_the_store(store):
    def work(tx):
        tx.insert([item("x", "b", "s")], BACK)
        head = Head(tx, state_of("a", "b"), lambda _: None)
        assert not head.may_begin(item(after=["x"]))
        assert head.awaited == (Awaited("x", "b"),)
        claim = tx.claim_next("b", 1, 0.0)
        tx.finish(claim.attempt, Result("failed", 1.0, 2.0))
        assert find_predecessor(tx, "x").outcome == "failed"
        head = Head(tx, state_of("a", "b"), lambda _: None)
        assert not head.may_begin(item(after=["x"]))
        assert "ended as 'failed'" in head.obstacle
        tx.insert([item("y", "b", "s")], BACK)
        assert [each.uid for each in find_predecessor(tx, "x").living] == ["y"]
        claim = tx.claim_next("b", 1, 0.0)
        tx.finish(claim.attempt, Result("completed", 1.0, 2.0))
        assert find_predecessor(tx, "x").is_completed
        assert Head(tx, state_of("a", "b"), lambda _: None).may_begin(item(after=["x"]))

    await store.transact(work)


async def test_the_first_item_of_a_submission_is_known_by_its_uid_when_it_has_another_one_now(store):
    def work(tx):
        tx.insert([item("changed", "b", "x")], BACK)
        assert [each.uid for each in find_predecessor(tx, "x").living] == ["changed"]

    await store.transact(work)
