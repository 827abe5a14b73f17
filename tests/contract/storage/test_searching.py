"""Finding finished items and events, edits and neighbours: the same in every store, in parts that are bounded."""

from __future__ import annotations

import pytest

from queue_server.protocol.errors import NotFoundError
from queue_server.protocol.event_log import EventFilter, EventRecord
from queue_server.protocol.item_filter import ItemFilter
from queue_server.protocol.items import BACK, Origin
from queue_server.storage.search import EVENT_WINDOW, HISTORY_WINDOW

USERS = ("anna", "bob", "anna", "cy", "anna", "bob")
OUTCOMES = ("completed", "failed", "failed", "completed", "aborted", "failed")


@pytest.fixture
async def finished(store, item, fill, claim, result):
    """Six finished items, i0 to i5; the names are count and scan in turn."""
    for number, (user, outcome) in enumerate(zip(USERS, OUTCOMES, strict=True)):
        content = {"name": ("count", "scan")[number % 2], "user": user, "meta": {"sample": f"Si {number}"}}
        await fill(f"i{number}", content=content)
        ended = result(outcome, time_stop=100.0 + number, message="beam LOST" if outcome == "aborted" else "")
        key = await claim()
        await store.transact(lambda tx, key=key, ended=ended: tx.finish(key, ended))


@pytest.fixture
def find(store):
    """Look for finished items; return their uids and where the search goes on."""

    async def search(limit=10, before=None, **wanted):
        part = await store.transact(lambda tx: tx.find_history(ItemFilter(**wanted), limit=limit, before=before))
        return [entry.item.uid for entry in part.entries], part.before

    return search


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "012345"),
        ({"user": "anna"}, "024"),
        ({"name": "scan"}, "135"),
        ({"outcome": "failed"}, "125"),
        ({"user": "bob", "outcome": "failed"}, "15"),
        ({"user": "bob", "name": "count"}, ""),
        ({"user": "nobody"}, ""),
        ({"lane": "default"}, "012345"),
        ({"lane": "other"}, ""),
        ({"text": "si 3"}, "3"),
        ({"text": "beam lost"}, "4"),
        ({"text": "sample", "outcome": "failed"}, "125"),
        ({"time_from": 102.0, "time_to": 104.0}, "23"),
        ({"time_from": 105.0, "user": "bob"}, "5"),
        ({"state": "finished", "user": "cy"}, "3"),
    ],
)
async def test_finished_items_are_found_by_what_is_known_of_them(wanted, expected, finished, find):
    assert await find(**wanted) == ([f"i{number}" for number in expected], None)


@pytest.mark.parametrize("wanted", [{}, {"user": "anna"}, {"text": "Si"}, {"outcome": "failed", "name": "scan"}])
async def test_parts_of_a_search_hold_every_entry_once(wanted, finished, find):
    everything, _ = await find(**wanted)
    gathered, before = await find(limit=1, **wanted)
    while before is not None:
        part, before = await find(limit=1, before=before, **wanted)
        gathered = part + gathered
    assert gathered == everything


async def test_a_search_below_a_number_of_any_size_is_one(finished, find):
    assert await find(before=2**70, user="cy") == await find(before=2**70, text="Si 3") == (["i3"], None)
    assert await find(before=1) == ([], None)


async def test_what_is_trimmed_is_not_found(store, finished, find):
    await store.transact(lambda tx: tx.trim_history(2))
    assert await find(user="anna") == (["i4"], None)
    assert await find(outcome="failed") == (["i5"], None)


async def test_one_search_examines_a_bounded_number_of_entries(store, item, result, find):
    def fill(tx):
        for number in range(HISTORY_WINDOW + 5):
            name = "rare" if number == 2 else "count"
            found = item(f"i{number}", content={"name": name, "meta": {"tag": name}, "user": "u"})
            tx.insert([found], BACK)
            tx.finish(tx.claim_next("default", 1, 1.0).attempt, result())

    await store.transact(fill)
    found, before = await find(text="rare")
    assert (found, before) == ([], 6)
    assert await find(text="rare", before=before) == (["i2"], None)
    # What an index finds is found at once.
    assert await find(name="rare") == (["i2"], None)


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def log(store):
    """Look for events; return their numbers and where the search goes on."""

    async def search(limit=10, since=0, before=None, newest_first=False, **wanted):
        part = await store.transact(
            lambda tx: tx.find_events(
                EventFilter(**wanted), limit=limit, since=since, before=before, newest_first=newest_first
            )
        )
        return [event.seq for event in part.events], part.next_seq

    return search


@pytest.fixture
async def events(store):
    """Six events at the times 0.0 to 5.0."""

    def append(tx):
        for number in range(6):
            tx.append_event(
                EventRecord(
                    kind=("add", "move", "added")[number % 3],
                    time=float(number),
                    epoch=1,
                    lane="ab"[number % 2],
                    item_uid=f"i{number // 2}",
                    submission=f"s{number // 3}",
                    origin=Origin("anna") if number in (1, 4) else Origin(client="x") if number == 2 else Origin(),
                )
            )

    await store.transact(append)


FOUND = [
    ({}, [1, 2, 3, 4, 5, 6]),
    ({"kinds": ("add",)}, [1, 4]),
    ({"kinds": ("move", "added")}, [2, 3, 5, 6]),
    ({"kinds": ()}, []),
    ({"item_uid": "i1"}, [3, 4]),
    ({"submission": "s1"}, [4, 5, 6]),
    ({"user": "anna"}, [2, 5]),
    ({"user": ""}, [1, 3, 4, 6]),
    ({"lane": "b"}, [2, 4, 6]),
    ({"time_from": 2.0}, [3, 4, 5, 6]),
    ({"time_to": 2.0}, [1, 2]),
    ({"time_from": 1.0, "time_to": 5.0, "lane": "a"}, [3, 5]),
]


@pytest.mark.parametrize(("wanted", "expected"), FOUND)
async def test_events_are_found_by_what_is_known_of_them_in_both_directions(wanted, expected, events, log):
    assert await log(**wanted) == (expected, None)
    assert await log(newest_first=True, **wanted) == (expected[::-1], None)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(("wanted", "expected"), FOUND)
async def test_parts_of_the_log_hold_every_event_once(wanted, expected, newest_first, events, log):
    cursor = "before" if newest_first else "since"
    gathered, following = await log(limit=2, newest_first=newest_first, **wanted)
    while following is not None:
        part, following = await log(limit=2, newest_first=newest_first, **{cursor: following}, **wanted)
        gathered += part
    assert gathered == (expected[::-1] if newest_first else expected)


async def test_a_part_lies_between_two_numbers(events, log):
    assert await log(since=2, before=5) == ([3, 4], None)
    assert await log(since=2, before=5, newest_first=True) == ([4, 3], None)
    assert await log(since=9) == ([], None)
    assert await log(before=1) == ([], None)
    assert await log(since=2**70, before=2**80) == ([], None)


async def test_one_search_examines_a_bounded_number_of_events(store, log):
    def append(tx):
        for number in range(EVENT_WINDOW + 10):
            tx.append_event(EventRecord("rare" if number == EVENT_WINDOW + 4 else "often", 1.0, 1))

    await store.transact(append)
    assert await log(kinds=("rare",)) == ([], EVENT_WINDOW)
    assert await log(kinds=("rare",), since=EVENT_WINDOW) == ([EVENT_WINDOW + 5], None)
    assert await log(kinds=("rare",), newest_first=True) == ([EVENT_WINDOW + 5], 11)
    assert await log(kinds=("rare",), newest_first=True, before=11) == ([], None)


# --- edits and neighbours -------------------------------------------------------------------------------------------


async def test_what_takes_an_edit_back_is_kept_with_its_event(store):
    def append(tx):
        for number in range(5):
            tx.append_event(EventRecord("k", 1.0, 1, undo=f'{{"n":{number}}}' if number % 2 else ""))

    await store.transact(append)
    found = await store.transact(lambda tx: tx.edits(None, 10))
    assert [(event.seq, event.undo) for event in found] == [(4, ""), (2, "")]
    assert [event.seq for event in await store.transact(lambda tx: tx.edits(4, 10))] == [2]
    assert [event.seq for event in await store.transact(lambda tx: tx.edits(None, 1))] == [4]
    assert await store.transact(lambda tx: [tx.undo_of(seq) for seq in (1, 2, 9)]) == ["", '{"n":1}', ""]
    assert {event.undo for event in await store.transact(lambda tx: tx.events(0, 10))} == {""}


async def test_an_edit_of_a_transaction_that_fails_is_forgotten(store):
    def fail(tx):
        tx.append_event(EventRecord("k", 1.0, 1, undo="{}"))
        raise KeyError

    with pytest.raises(KeyError):
        await store.transact(fail)
    assert await store.transact(lambda tx: tx.edits(None, 10)) == []


async def test_an_item_of_a_queue_stands_between_its_neighbours(store, fill):
    await fill("a", "b", "c")
    await fill("z", lane="other")

    def look(tx):
        return [tx.neighbours(uid) for uid in "abcz"]

    assert await store.transact(look) == [(None, "b"), ("a", "c"), ("b", None), (None, None)]
    with pytest.raises(NotFoundError):
        await store.transact(lambda tx: tx.neighbours("gone"))
