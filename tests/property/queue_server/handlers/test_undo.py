"""Undo by random histories: after random edits, taking back k of them gives exactly the queue of k edits before."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.storage.memory import open_memory
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.bench import INSTRUCTION, USER, Bench, plan
from tests.faults.places import place_in_memory
from tests.faults.tiers import rounds

NAMES = st.sampled_from(["count", "scan"])
ITEMS = st.builds(plan, NAMES, kwargs=st.fixed_dictionaries({"num": st.integers(1, 9)})) | st.just(INSTRUCTION)
# A place in the queue, whatever its size is then.
SPOTS = st.integers(0, 30)
SPOT_LISTS = st.lists(SPOTS, min_size=1, max_size=6)
ENDS = st.sampled_from(["front", "back"])
OPERATIONS = st.one_of(
    st.tuples(st.just("add"), ITEMS, ENDS | st.integers(-5, 5)),
    st.tuples(st.just("add_batch"), st.lists(ITEMS, min_size=1, max_size=5), ENDS | st.integers(-5, 5)),
    st.tuples(st.just("remove"), SPOTS),
    st.tuples(st.just("remove_batch"), SPOT_LISTS),
    st.tuples(st.just("move"), SPOTS, SPOTS),
    st.tuples(st.just("move_batch"), SPOT_LISTS, ENDS, st.booleans()),
    st.tuples(st.just("update"), SPOTS, st.integers(10, 19), st.booleans()),
    st.tuples(st.just("hold"), SPOTS, st.sampled_from(["why", "later"])),
    st.tuples(st.just("release"), SPOTS),
    st.tuples(st.just("clear")),
    st.tuples(st.just("undo"), st.integers(1, 4)),
)


class Editor:
    """Edits the queue of a bench, and remembers what it was before each edit that stands."""

    def __init__(self, bench):
        self.bench = bench
        self.stack = []

    async def queue(self):
        return await self.bench.store.transact(lambda tx: tx.queue(DEFAULT_LANE))

    async def do(self, operation):
        """Do an operation; one that fits nothing in the queue is left out."""
        name, *rest = operation
        before, seq = await self.queue(), await self.last_seq()
        await getattr(self, name)([item.uid for item in before], *rest)
        if name == "undo":
            return
        changed, events = (await self.queue()) != before, await self.last_seq() - seq
        assert events == int(changed), f"{operation}: {events} events for {'a' if changed else 'no'} change"
        if changed:
            self.stack.append(before)

    async def last_seq(self):
        return await self.bench.store.transact(lambda tx: tx.last_seq())

    async def undo(self, _, steps):
        if steps > len(self.stack):
            assert (await self.bench.refuse("queue_undo", steps=steps))["error"]["code"] == "wrong_state"
            return
        expected = self.stack[-steps]
        del self.stack[-steps:]
        reply = await self.bench.do("queue_undo", steps=steps)
        assert await self.queue() == expected
        assert (reply["qsize"], len(reply["undone"])) == (len(expected), steps)
        assert reply["plan_queue_uid"] == self.bench.status["plan_queue_uid"]

    async def add(self, _, item, pos):
        await self.bench.do("queue_item_add", item=item, pos=pos, **USER)

    async def add_batch(self, _, items, pos):
        await self.bench.do("queue_item_add_batch", items=items, pos=pos, **USER)

    async def remove(self, uids, spot):
        if uids:
            await self.bench.do("queue_item_remove", uid=uids[spot % len(uids)])

    async def remove_batch(self, uids, spots):
        await self.bench.do("queue_item_remove_batch", uids=_choose(uids, spots))

    async def move(self, uids, spot, target):
        if uids:
            await self.bench.do("queue_item_move", uid=uids[spot % len(uids)], pos_dest=target % len(uids))

    async def move_batch(self, uids, spots, end, reorder):
        await self.bench.do("queue_item_move_batch", uids=_choose(uids, spots), pos_dest=end, reorder=reorder)

    async def update(self, uids, spot, number, replace):
        if uids:
            item = {**plan("scan", kwargs={"num": number}), "item_uid": uids[spot % len(uids)]}
            await self.bench.do("queue_item_update", item=item, replace=replace, **USER)

    async def hold(self, uids, spot, reason):
        if uids:
            await self.bench.do("queue_item_hold", uid=uids[spot % len(uids)], reason=reason)

    async def release(self, uids, spot):
        held = [item.uid for item in await self.queue() if item.state == "held"]
        if held:
            await self.bench.do("queue_item_release", uid=held[spot % len(held)])

    async def clear(self, _):
        await self.bench.do("queue_clear")


def _choose(uids, spots):
    return list(dict.fromkeys(uids[spot % len(uids)] for spot in spots)) if uids else []


@contextmanager
def opened(kind):
    injected = {"clock": ManualClock(), "chance": Chance.seeded(1)}
    with place_in_memory() as place:
        yield open_memory(**injected) if kind == "memory" else open_sqlite(place / "data", **injected)


async def check(store, operations):
    bench = await Bench.begin(store)
    try:
        editor = Editor(bench)
        for operation in operations:
            await editor.do(operation)
        while editor.stack:
            await editor.undo([], min(3, len(editor.stack)))
        assert await editor.queue() == []
        await check_chain(bench)
    finally:
        await bench.end()
        await store.close()


async def check_chain(bench):
    """Every event goes on from the queue to which the one before has led."""
    events = (await bench.do("events_get", limit=1000))["events"]
    links = [(event["data"]["queue_uid_before"], event["data"]["queue_uid"]) for event in events]
    assert all(before == after for (_, after), (before, _) in pairwise(links))
    if links:
        assert links[-1][1] == bench.status["plan_queue_uid"]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_undoing_k_edits_gives_the_queue_of_k_edits_before(kind):
    @settings(max_examples=rounds(60, 150) if kind == "memory" else rounds(20, 50))
    @given(st.lists(OPERATIONS, max_size=25))
    def history(operations):
        with opened(kind) as store, asyncio.Runner() as runner:
            runner.run(check(store, operations))

    history()
