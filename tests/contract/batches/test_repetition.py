"""A creation with a key is done once, however often and over whatever it is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from queue_server.protocol.answers import Repeatable
from queue_server.protocol.codec import decode, encode
from queue_server.protocol.methods import METHODS
from tests.doubles.bench import USER, Bench, plan
from tests.doubles.stores import GatedStore

DAY_S = 86_400.0
ITEMS = [{"item": plan(kwargs={"num": num})} for num in (3, 5)]


async def batches(bench):
    """Return the ids of all batches."""
    return [batch["id"] for batch in (await bench.do("batch_list"))["batches"]]


async def test_a_repetition_gets_the_answer_again_and_does_nothing(bench, repeatable):
    params = {"items": ITEMS, "idempotency": repeatable(), **USER}
    first = await bench.do("batch_create", **params)
    await bench.do("queue_clear", user="jdoe")
    before = await bench.rows()
    again = await bench.do("batch_create", **params)
    assert again == {**first, "is_repetition": True}
    assert await bench.rows() == before
    assert await batches(bench) == [first["batch"]["id"]]


async def test_an_answer_survives_a_restart(bench, repeatable):
    params = {"items": ITEMS, "idempotency": repeatable(), **USER}
    first = await bench.do("batch_create", **params)
    await bench.end()
    other = await Bench.begin(bench.store)
    assert await other.do("batch_create", **params) == {**first, "is_repetition": True}
    await other.end()


async def test_another_body_under_the_key_is_refused_and_the_answer_stands(bench, repeatable):
    params = {"items": ITEMS, **USER}
    first = await bench.do("batch_create", **params, idempotency=repeatable(body="a"))
    reply = await bench.refuse("batch_create", **params, idempotency=repeatable(body="b"))
    assert reply["error"]["code"] == "idempotency_mismatch"
    again = await bench.do("batch_create", **params, idempotency=repeatable(body="a"))
    assert again["batch"] == first["batch"]


async def test_a_refusal_is_not_kept(bench, repeatable):
    await bench.refuse("batch_create", items=[{"item": plan("nothing")}], idempotency=repeatable(body="a"), **USER)
    reply = await bench.do("batch_create", items=ITEMS, idempotency=repeatable(body="b"), **USER)
    assert reply["is_repetition"] is False


@pytest.mark.parametrize("other", [{"key": "Key"}, {"endpoint": "POST /elsewhere"}])
async def test_another_key_or_place_is_another_request(bench, repeatable, other):
    first = await bench.do("batch_create", items=ITEMS, idempotency=repeatable(), **USER)
    second = await bench.do("batch_create", items=ITEMS, idempotency=repeatable(**other), **USER)
    assert first["batch"]["id"] != second["batch"]["id"]


async def test_a_key_belongs_to_a_person(bench, repeatable):
    first = await bench.do("batch_create", items=ITEMS, idempotency=repeatable(), **USER)
    other = {"user": "mroe", "user_group": "primary"}
    second = await bench.do("batch_create", items=ITEMS, idempotency=repeatable(), **other)
    assert first["batch"]["id"] != second["batch"]["id"]


async def test_without_a_key_equal_requests_create_batches_of_their_own(bench, create):
    assert (await create(3))["batch"]["id"] != (await create(3))["batch"]["id"]


async def test_a_key_is_new_again_after_seven_days(bench, repeatable):
    params = {"items": ITEMS, "idempotency": repeatable(), **USER}
    first = await bench.do("batch_create", **params)
    bench.clock.advance(7 * DAY_S - 1)
    assert (await bench.do("batch_create", **params))["batch"]["id"] == first["batch"]["id"]
    bench.clock.advance(1)
    second = await bench.do("batch_create", **params)
    assert second["is_repetition"] is False
    assert second["batch"]["id"] != first["batch"]["id"]
    assert (await bench.do("batch_create", **params))["batch"]["id"] == second["batch"]["id"]


async def test_an_answer_is_given_when_the_clock_was_moved_back(bench, repeatable):
    params = {"items": ITEMS, "idempotency": repeatable(), **USER}
    first = await bench.do("batch_create", **params)
    bench.clock.advance(-30 * DAY_S)
    assert (await bench.do("batch_create", **params))["batch"]["id"] == first["batch"]["id"]


async def test_an_answer_is_given_while_the_queue_is_locked(bench, repeatable):
    params = {"items": ITEMS, "idempotency": repeatable(), **USER}
    first = await bench.do("batch_create", **params)
    await bench.do("lock", queue=True, lock_key="secret", note="", user="mroe")
    assert (await bench.do("batch_create", **params))["batch"] == first["batch"]


async def test_expired_answers_are_forgotten_with_later_ones(bench, repeatable):
    for key in ("a", "b"):
        await bench.do("batch_create", items=ITEMS, idempotency=repeatable(key), **USER)
    bench.clock.advance(8 * DAY_S)
    await bench.do("batch_create", items=ITEMS, idempotency=repeatable("c"), **USER)
    due = await bench.store.transact(lambda tx: tx.next_expiry())
    assert due == bench.clock.wall() + 7 * DAY_S


async def test_the_same_request_is_told_at_once_that_the_first_is_under_way(store, repeatable):
    gated = GatedStore(store)
    bench = await Bench.begin(gated)
    frame = encode({"method": "batch_create", "params": {"items": ITEMS, "idempotency": repeatable(), **USER}})
    gated.shut()
    first, second = bench.send(frame), bench.send(frame)
    params: dict[str, Any] = {"items": ITEMS, "idempotency": repeatable(body="x"), **USER}
    other = bench.request("batch_create", **params)
    assert second.done()
    refusal, _ = decode(second.result())
    assert refusal["error"]["code"] == "idempotency_in_progress"
    assert refusal["error"]["details"]["retry_after_s"] == 1.0
    assert decode(other.result())[0]["error"]["code"] == "idempotency_mismatch"
    gated.open()
    async with asyncio.timeout(60):
        created, _ = decode(await first)
    assert created["success"] is True
    again, _ = decode(await bench.send(frame))
    assert again["batch"] == created["batch"]
    await bench.end()


async def test_many_at_once_create_one_batch(bench, repeatable):
    frame = encode({"method": "batch_create", "params": {"items": ITEMS, "idempotency": repeatable(), **USER}})
    replies = [decode(reply)[0] for reply in await asyncio.gather(*(bench.send(frame) for _ in range(50)))]
    assert [reply["success"] for reply in replies].count(True) == 1
    assert {reply["error"]["code"] for reply in replies if not reply["success"]} == {"idempotency_in_progress"}
    assert len(await batches(bench)) == 1


async def test_a_request_that_failed_is_not_under_way_any_more(bench, repeatable):
    params = {"items": [{"item": plan("nothing")}], "idempotency": repeatable(), **USER}
    for _ in range(2):
        reply = await bench.refuse("batch_create", **params)
        assert reply["error"]["code"] == "invalid_parameter"


@pytest.mark.parametrize("wrong", [{"key": ""}, {"key": "k" * 256}, {"endpoint": ""}, {"fingerprint": "ABC"}])
async def test_a_key_of_a_wrong_form_is_refused(bench, repeatable, wrong):
    reply = await bench.refuse("batch_create", items=ITEMS, idempotency={**repeatable(), **wrong}, **USER)
    assert reply["error"]["details"]["field"] == "idempotency"


async def test_status_and_media_type_are_kept_with_the_answer(bench, repeatable):
    form = {"status": 201, "media_type": "application/vnd.illumina.v3+json"}
    given = repeatable("k" * 255)
    await bench.do("batch_create", items=ITEMS, idempotency=given, answer=form, **USER)
    request = Repeatable("jdoe", given["endpoint"], given["key"])
    kept = await bench.store.transact(lambda tx: tx.answer(request))
    assert (kept.status, kept.media_type, kept.fingerprint) == (*form.values(), given["fingerprint"])


CHANGES = {
    "batch_create": {"items": ITEMS},
    "batch_cancel": {},
    "batch_hold": {"reason": "why"},
    "batch_resume": {},
    "batch_retry": {},
}


def test_every_method_that_changes_a_batch_is_repeated_here():
    assert {name for name, method in METHODS.items() if name.startswith("batch_") and method.changes} == set(CHANGES)


@pytest.mark.parametrize("method", CHANGES)
async def test_a_message_with_a_key_is_done_once_and_answered_alike(bench, create, method):
    batch_id = (await create(1, 2, held=method == "batch_resume"))["batch"]["id"]
    of_batch = {} if method == "batch_create" else {"batch_id": batch_id}
    params = {**of_batch, **CHANGES[method], **USER}
    envelope = {"idempotency_key": "the key"}
    first = await bench.request(method, _envelope=envelope, **params)
    before = await bench.rows()
    again = await bench.request(method, _envelope=envelope, **params)
    assert decode(first)[0]["success"] is True
    assert decode(again) == decode(first)
    assert await bench.rows() == before
    other = decode(await bench.request(method, _envelope=envelope, **{**params, "user": "mroe"}))[0]
    assert other["error"]["code"] == "conflict"
