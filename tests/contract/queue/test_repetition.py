"""Idempotency keys: one effect, the same reply, and no other request under the same key."""

from __future__ import annotations

import asyncio

from queue_server.protocol.codec import decode
from tests.doubles.bench import PATIENCE_S, USER, plan

KEY = {"idempotency_key": "k-1"}


async def send(bench, method, envelope=KEY, encoding="json", **params):
    """Return the reply to a request with a key."""
    async with asyncio.timeout(PATIENCE_S):
        return decode(await bench.request(method, encoding, envelope, **params))[0]


async def test_a_repeated_request_has_one_effect_and_the_same_reply(bench):
    first = await send(bench, "queue_item_add", item=plan(), **USER)
    second = await send(bench, "queue_item_add", item=plan(), **USER)
    assert first["success"] is True
    assert second == first
    assert await bench.uids() == [first["item"]["item_uid"]]


async def test_the_reply_is_the_old_one_even_if_the_item_is_gone(bench):
    first = await send(bench, "queue_item_add", item=plan(), **USER)
    await bench.do("queue_clear")
    assert await send(bench, "queue_item_add", item=plan(), **USER) == first
    assert await bench.uids() == []


async def test_repetitions_that_arrive_together_have_one_effect(bench):
    frames = [bench.request("queue_item_add", "json", KEY, item=plan(), **USER) for _ in range(5)]
    async with asyncio.timeout(PATIENCE_S):
        replies = {bytes(frame) for frame in await asyncio.gather(*frames)}
    assert len(replies) == 1
    assert len(await bench.uids()) == 1


async def test_a_repetition_is_answered_in_its_own_encoding_and_under_its_own_id(bench):
    first = await send(bench, "queue_item_add", {**KEY, "id": 1}, item=plan(), **USER)
    second = await send(bench, "queue_item_add", {**KEY, "id": 2}, "msgpack", item=plan(), **USER)
    assert (first.pop("id"), second.pop("id")) == (1, 2)
    assert first == second


async def test_the_order_of_keys_makes_no_other_request(bench):
    first = await send(bench, "queue_item_add", item={"item_type": "plan", "name": "count"}, **USER)
    second = await send(bench, "queue_item_add", item={"name": "count", "item_type": "plan"}, **USER)
    assert second == first


async def test_the_same_key_with_another_request_is_refused(bench):
    await send(bench, "queue_item_add", item=plan(), **USER)
    before = await bench.rows()
    for method, params in (("queue_item_add", {"item": plan("scan"), **USER}), ("queue_clear", {})):
        reply = await send(bench, method, **params)
        assert reply["success"] is False
        assert reply["error"]["code"] == "conflict"
        assert "k-1" in reply["msg"]
    assert await bench.rows() == before


async def test_a_refusal_is_not_kept_so_that_the_request_may_succeed_later(bench):
    refused = await send(bench, "queue_start")
    assert refused["success"] is False
    await bench.open()
    assert (await send(bench, "queue_start"))["success"] is True


async def test_requests_without_a_key_or_with_different_keys_are_different(bench):
    for envelope in ({}, {}, {"idempotency_key": "a"}, {"idempotency_key": "b"}):
        await send(bench, "queue_item_add", envelope, item=plan(), **USER)
    assert len(await bench.uids()) == 4


async def test_a_read_is_never_answered_from_an_old_reply(bench):
    first = await send(bench, "queue_get")
    await bench.add("count")
    assert await send(bench, "queue_get") != first


async def test_a_request_that_cannot_be_compared_is_refused_as_what_it_is(bench):
    """msgpack knows bytes, which an item cannot hold: the refusal blames the request, not the manager."""
    reply = await send(bench, "queue_item_add", KEY, "msgpack", item=plan(kwargs={"num": b"\xff"}), **USER)
    assert reply["success"] is False
    assert reply["error"]["code"] == "invalid_parameter"
