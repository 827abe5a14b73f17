"""The head of a queue begins only if whoever asks for it lets it, and is untouched otherwise."""

from __future__ import annotations

import pytest

from queue_server.storage.base import BlockedAtHead, Claim, HeldAtHead, InstructionAtHead


async def test_a_head_that_may_not_begin_is_told_and_left(store, item, fill, order):
    await fill("a", "b", content={"claims": ["shutter"]})
    answer = await store.transact(lambda tx: tx.claim_next("default", 1, 0.0, lambda _: False))
    assert answer == BlockedAtHead(item("a", content={"claims": ["shutter"]}))
    assert await order() == ["a", "b"]
    assert await store.transact(lambda tx: tx.running()) == []


async def test_only_the_head_is_asked_about(store, item, fill, order):
    await fill("a", "b")
    seen = []
    answer = await store.transact(lambda tx: tx.claim_next("default", 1, 0.0, lambda head: not seen.append(head)))
    assert isinstance(answer, Claim)
    assert seen == [item("a")]
    assert await order() == ["b"]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"state": "held", "reason": "why"}, HeldAtHead),
        ({"content": {"item_type": "instruction", "name": "queue_stop"}}, InstructionAtHead),
    ],
)
async def test_nobody_is_asked_about_a_head_that_would_not_begin(store, fill, fields, kind):
    await fill("a", **fields)
    seen = []
    answer = await store.transact(lambda tx: tx.claim_next("default", 1, 0.0, seen.append))
    assert isinstance(answer, kind)
    assert seen == []


async def test_a_head_that_was_kept_from_beginning_has_its_first_attempt_afterwards(store, fill, claim):
    await fill("a")
    await store.transact(lambda tx: tx.claim_next("default", 1, 0.0, lambda _: False))
    assert (await claim()).number == 1
