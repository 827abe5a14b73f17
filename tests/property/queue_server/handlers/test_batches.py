"""A batch is created as it was asked for, or every wrong place in it is told and nothing is created."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from queue_server.clock import Chance, ManualClock
from queue_server.storage.memory import open_memory
from tests.doubles.bench import INSTRUCTION, USER, Bench, plan
from tests.faults.tiers import rounds

GOOD = st.fixed_dictionaries(
    {"item": st.builds(lambda num: plan(kwargs={"num": num}), st.integers(0, 99))},
    optional={"reference": st.text(max_size=5), "tags": st.lists(st.text(max_size=3), max_size=3)},
)
BAD = st.sampled_from(
    [
        ({"item": plan("absent")}, ".item.name"),
        ({"item": plan(kwargs={"nmu": 1})}, ".item.nmu"),
        ({"item": INSTRUCTION}, ".item.item_type"),
        ({"item": plan(lane="absent")}, ".item.lane"),
        ({"item": plan(), "tag": []}, ".tag"),
        ({"item": plan(), "tags": [1]}, ".tags"),
        ({"reference": "x"}, ""),
        ({"workflow_id": "absent"}, ".workflow_id"),
        (None, ""),
    ]
)
ENTRIES = st.lists(GOOD.map(lambda entry: (entry, None)) | BAD, min_size=1, max_size=12)
ALL_GOOD = st.lists(GOOD.map(lambda entry: (entry, None)), min_size=1, max_size=12)


async def create(entries, position):
    bench = await Bench.begin(open_memory(clock=ManualClock(), chance=Chance.seeded(1)))
    before = await bench.add("scan", "scan")
    reply = await bench.ask("batch_create", items=[entry for entry, _ in entries], pos=position, **USER)
    queued = (await bench.do("queue_get"))["items"]
    batches = (await bench.do("batch_list"))["batches"]
    await bench.end()
    return before, reply, queued, batches


@given(ENTRIES | ALL_GOOD, st.sampled_from([None, "front", "back", 0, 1, 2, -1]))
@settings(max_examples=rounds(25, 2_000), deadline=None)
def test_all_items_of_a_batch_are_queued_in_order_or_none(entries, position):
    before, reply, queued, batches = asyncio.run(create(entries, position))
    wrong = [f"items[{index}]{place}" for index, (_, place) in enumerate(entries) if place is not None]
    if wrong:
        assert [error["field"] for error in reply["error"]["details"]["errors"]] == wrong
        assert [item["item_uid"] for item in queued] == before
        assert batches == []
        return
    uids = [item["item_uid"] for item in reply["items"]]
    first = [item["item_uid"] for item in queued].index(uids[0])
    mine = queued[first : first + len(uids)]
    assert [item["item_uid"] for item in mine] == uids
    assert [item["kwargs"] for item in mine] == [entry["item"]["kwargs"] for entry, _ in entries]
    assert [item["item_uid"] for item in queued if item not in mine] == before
    assert [batch["size"] for batch in batches] == [len(uids)]
