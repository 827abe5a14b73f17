"""A large batch is checked in parts: others are served meanwhile, and what changes meanwhile counts."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.handlers.batch_creation import CHECKED_AT_ONCE
from queue_server.protocol.codec import decode
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.bench import PLANS, USER, Bench, plan
from tests.doubles.stores import GatedStore
from tests.faults.places import place_in_memory

SIZE = 3 * CHECKED_AT_ONCE + 1
SWEEP = {"parameters": {"num": {"start": 1, "stop": SIZE, "num": SIZE}}, "base": plan()}
PATIENCE_S = 60
FORBIDDING = {
    "user_groups": {
        "root": {"allowed_plans": [None], "allowed_devices": [None]},
        "primary": {"allowed_plans": [":^scan$"], "allowed_devices": [None]},
    }
}


@pytest.fixture
async def store():
    """A store on files: while a thread of its own works on a turn, others can ask for something."""
    with place_in_memory() as place:
        opened = open_sqlite(place / "data", clock=ManualClock(), chance=Chance.seeded(1))
        yield opened
        await opened.close()


async def decoded(frame):
    """Return the reply in a frame, once it is there."""
    async with asyncio.timeout(PATIENCE_S):
        return decode(await frame)[0]


async def test_all_items_of_a_large_batch_are_there_in_their_order(bench):
    reply = await decoded(bench.request("batch_create", sweep=SWEEP, **USER))
    assert reply["batch"]["size"] == SIZE
    assert await bench.uids() == [item["item_uid"] for item in reply["items"]]
    nums = [item["kwargs"]["num"] for item in (await bench.do("queue_get"))["items"]]
    assert nums == list(range(1, SIZE + 1))


async def test_others_are_answered_while_a_large_batch_is_checked(bench):
    large = bench.request("batch_create", sweep=SWEEP, **USER)
    [alone] = await bench.add("scan")
    assert not large.done()
    reply = await decoded(large)
    assert await bench.uids() == [alone, *(item["item_uid"] for item in reply["items"])]


async def test_what_is_forbidden_meanwhile_is_refused(bench):
    large = bench.request("batch_create", sweep=SWEEP, **USER)
    await bench.do("permissions_set", user_group_permissions=FORBIDDING)
    assert not large.done()
    reply = await decoded(large)
    assert reply["success"] is False
    assert reply["error"]["details"]["errors"][0]["field"] == "items[0].item.name"
    assert await bench.uids() == []


async def test_plans_that_change_meanwhile_are_checked_as_they_are_then(bench):
    large = bench.request("batch_create", sweep=SWEEP, **USER)
    await bench.open({name: PLANS[name] for name in ("count", "scan")})
    assert (await decoded(large))["success"] is True
    assert len(await bench.uids()) == SIZE


async def test_an_item_that_has_gone_meanwhile_is_none_to_come_after(bench):
    [before] = await bench.add("scan")
    items = [{"item": plan(after=[before])}, *({"item": plan()} for _ in range(SIZE))]
    large = bench.request("batch_create", items=items, **USER)
    await bench.settle()
    await bench.do("queue_item_remove", uid=before, user="jdoe")
    assert not large.done()
    reply = await decoded(large)
    [error] = reply["error"]["details"]["errors"]
    assert error["field"] == "items[0].item.after[0]"


async def test_the_key_of_a_large_batch_is_taken_until_it_is_there(bench, repeatable):
    params = {"sweep": SWEEP, "idempotency": repeatable(), **USER}
    large = bench.request("batch_create", **params)
    await bench.settle()
    reply = await bench.ask("batch_create", **params)
    assert reply["error"]["code"] == "idempotency_in_progress"
    first = await decoded(large)
    assert (await decoded(bench.request("batch_create", **params)))["batch"] == first["batch"]


async def test_a_manager_that_ends_meanwhile_leaves_nothing(store, repeatable):
    gated = GatedStore(store)
    bench = await Bench.begin(gated)
    params = {"sweep": SWEEP, "idempotency": repeatable(), **USER}
    large = bench.request("batch_create", **params)
    await bench.settle()
    gated.shut()
    await bench.end()
    gated.open()
    other = await Bench.begin(store)
    assert (await other.do("batch_list"))["batches"] == []
    assert (await decoded(other.request("batch_create", **params)))["is_repetition"] is False
    assert not large.done() or (await decoded(large))["success"] is False
    await other.end()
