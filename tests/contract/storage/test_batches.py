"""Batches are read as they were written, and an answer is kept once for each request until it is forgotten."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from queue_server.protocol.answers import Answer, Repeatable
from queue_server.protocol.batches import Batch
from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.protocol.items import BACK
from queue_server.protocol.submissions import Submission, SubmissionFilter

REQUEST = Repeatable("jdoe", "POST /here", "key")
ANSWER = Answer(REQUEST, "f" * 64, 201, "application/json", '{"ß": 1}', stored=10.0, expires=20.0)


def batch(identity, project="", **fields):
    known = {"name": "näme", "owner": "jdoe", "workflow": "peak", "lane": "default", "size": 3, "created": 12.5}
    return Batch(id=identity, project=project, **known | fields)


@pytest.fixture
def do(store):
    """Do something in one transaction of its own."""
    return store.transact


async def test_a_batch_is_read_as_it_was_written(do):
    await do(lambda tx: tx.add_batch(batch("a", created=3)))
    assert await do(lambda tx: tx.batch("a")) == batch("a", created=3.0)
    assert await do(lambda tx: tx.batch("b")) is None


async def test_an_id_is_given_once(do):
    await do(lambda tx: tx.add_batch(batch("a")))
    with pytest.raises(ConflictError):
        await do(lambda tx: tx.add_batch(batch("a", name="other")))
    assert (await do(lambda tx: tx.batch("a"))).name == "näme"


async def test_the_newest_batches_come_first(do):
    for number, identity in enumerate("abcd"):
        await do(lambda tx, identity=identity, number=number: tx.add_batch(batch(identity, "xy"[number % 2])))
    part = await do(lambda tx: tx.batches(limit=3))
    assert ([each.id for _, each in part.entries], part.has_more) == (["d", "c", "b"], True)
    rest = await do(lambda tx: tx.batches(limit=3, cursor=part.entries[-1][0]))
    assert ([each.id for _, each in rest.entries], rest.has_more) == (["a"], False)
    of_x = await do(lambda tx: tx.batches(limit=3, project="x"))
    assert ([each.id for _, each in of_x.entries], of_x.has_more) == (["c", "a"], False)
    assert (await do(lambda tx: tx.batches(limit=3, project="z"))).entries == []


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.0", "9" * 19])
async def test_a_cursor_that_no_list_gives_is_refused(do, cursor):
    with pytest.raises(ParameterError, match="cursor"):
        await do(lambda tx: tx.batches(limit=3, cursor=cursor))


async def test_an_answer_is_read_as_it_was_kept(do):
    await do(lambda tx: tx.keep_answer(ANSWER))
    assert await do(lambda tx: tx.answer(REQUEST)) == ANSWER
    for other in ({"user": "mroe"}, {"endpoint": "POST /there"}, {"key": "Key"}):
        assert await do(lambda tx, other=other: tx.answer(replace(REQUEST, **other))) is None


async def test_an_answer_takes_the_place_of_the_one_before(do):
    await do(lambda tx: tx.keep_answer(ANSWER))
    newer = dataclasses.replace(ANSWER, body="{}", stored=30, expires=40)
    await do(lambda tx: tx.keep_answer(newer))
    assert await do(lambda tx: tx.answer(REQUEST)) == newer
    assert await do(lambda tx: tx.next_expiry()) == 40.0


async def test_expired_answers_are_forgotten_the_oldest_first(do):
    assert await do(lambda tx: tx.next_expiry()) is None
    for key, expires in (("a", 3.0), ("b", 1.0), ("c", 2.0), ("d", 9.0)):
        kept = dataclasses.replace(ANSWER, request=replace(REQUEST, key=key), expires=expires)
        await do(lambda tx, kept=kept: tx.keep_answer(kept))
    assert await do(lambda tx: tx.forget_answers(now=3.0, most=2)) == 2
    assert await do(lambda tx: tx.next_expiry()) == 3.0
    assert await do(lambda tx: tx.forget_answers(now=3.0, most=2)) == 1
    assert await do(lambda tx: tx.forget_answers(now=8.999, most=2)) == 0
    assert await do(lambda tx: tx.next_expiry()) == 9.0


async def test_what_a_block_did_is_undone_if_it_raises(do):
    await do(lambda tx: tx.keep_answer(ANSWER))

    def work(tx):
        with pytest.raises(KeyError), tx.savepoint():
            tx.add_batch(batch("a"))
            tx.keep_answer(dataclasses.replace(ANSWER, body="{}"))
            tx.forget_answers(now=100.0, most=5)
            raise KeyError
        return tx.batch("a"), tx.answer(REQUEST)

    assert await do(work) == (None, ANSWER)


async def test_a_batch_stands_apart_from_the_items_of_the_queue(do, item):
    def create(tx):
        tx.insert([item("u", submission="u")], BACK)
        tx.add_batch(batch("a", size=1))
        tx.add_submissions([Submission("u", "default", "jdoe", 1.0, batch="a", identity="i")])

    await do(create)
    await do(lambda tx: tx.clear("default"))
    part = await do(lambda tx: tx.submissions(SubmissionFilter(batch="a"), limit=5))
    assert [followed.state for _, followed in part.entries] == ["removed"]
    assert await do(lambda tx: tx.batch("a")) == batch("a", size=1)


async def test_many_items_are_held_and_released_at_once(do, fill, order):
    await fill("a", "b")
    await fill("c", lane="other")
    await do(lambda tx: tx.set_all_held(["a", "c"], "why"))
    found = await do(lambda tx: [tx.item(uid) for uid in "abc"])
    assert [(each.state, each.reason) for each in found] == [("held", "why"), ("queued", ""), ("held", "why")]
    await do(lambda tx: tx.set_all_held(["c", "a"], None))
    assert [(await do(lambda tx, uid=uid: tx.item(uid))).state for uid in "abc"] == ["queued"] * 3
    assert await order() == ["a", "b"]


@pytest.mark.parametrize("uids", [["a", "absent"], ["a", "running"], ["a", "a"]])
async def test_all_of_them_must_be_in_a_queue_and_be_named_once(do, fill, claim, uids):
    await fill("running", "a", "b")
    await claim()
    with pytest.raises(NotFoundError, match=uids[1]):
        await do(lambda tx: tx.set_all_held(uids, "why"))
    with pytest.raises(NotFoundError, match=uids[1]):
        await do(lambda tx: tx.remove(uids))
    assert (await do(lambda tx: tx.item("a"))).state == "queued"
