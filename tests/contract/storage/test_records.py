"""What has been: the history, the event log, saved documents and finished answers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.protocol.event_log import EventRecord
from queue_server.protocol.item_filter import ItemFilter
from queue_server.protocol.items import BACK, Origin
from queue_server.storage.base import StoredReply


@pytest.fixture
def history(store):
    """Read a part of the history as numbers and uids."""

    async def read(**options):
        return [(e.number, e.item.uid) for e in await store.transact(lambda tx: tx.history(**options))]

    return read


@pytest.fixture
def append(store):
    """Append events of these kinds and return their sequence numbers."""

    async def write(*kinds):
        return await store.transact(lambda tx: [tx.append_event(EventRecord(kind, 1.5, 1)) for kind in kinds])

    return write


async def test_the_history_of_a_new_store_is_empty(store, history):
    assert await history() == []
    assert await store.transact(lambda tx: tx.count_history()) == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"limit": 2}, [3, 4]),
        ({"limit": 0}, []),
        ({"limit": -1}, []),
        ({"limit": 9}, [1, 2, 3, 4]),
        ({"before": 3}, [1, 2]),
        ({"before": 4, "limit": 2}, [2, 3]),
        ({"before": 1}, []),
    ],
)
async def test_the_history_is_read_in_pages_from_its_end(options, expected, finish_all, history):
    await finish_all("a", "b", "c", "d")
    assert [number for number, _ in await history(**options)] == expected


@pytest.mark.parametrize(
    ("keep", "left"), [(0, []), (1, ["c"]), (2, ["b", "c"]), (3, ["a", "b", "c"]), (9, ["a", "b", "c"]), (-1, [])]
)
async def test_trimming_keeps_the_newest(keep, left, store, finish_all, history):
    await finish_all("a", "b", "c")
    assert await store.transact(lambda tx: tx.trim_history(keep)) == 3 - len(left)
    assert [uid for _, uid in await history()] == left
    assert await store.transact(lambda tx: tx.count_history()) == len(left)


async def test_trimming_to_an_item_removes_it_and_what_is_older(store, finish_all, history):
    await finish_all("a", "b", "c")
    assert await store.transact(lambda tx: tx.trim_history_to("b")) == 2
    assert [uid for _, uid in await history()] == ["c"]
    assert await store.transact(lambda tx: tx.item("a")) is None


async def test_trimming_to_what_is_not_in_the_history_is_refused(store, fill, finish_all, history):
    await finish_all("a")
    await fill("q")
    for uid in ("gone", "q"):
        with pytest.raises(NotFoundError, match=uid):
            await store.transact(lambda tx, uid=uid: tx.trim_history_to(uid))
    assert [uid for _, uid in await history()] == ["a"]


async def test_numbers_of_the_history_are_never_given_again(store, finish_all, history):
    await finish_all("a", "b")
    await store.transact(lambda tx: tx.trim_history(0))
    await finish_all("c")
    assert await history() == [(3, "c")]
    assert await store.transact(lambda tx: tx.count_history()) == 1


async def test_trimming_leaves_what_waits_and_what_runs(store, fill, claim, finish_all, order):
    await finish_all("a")
    await fill("r", "q", submission="s-a")
    key = await claim()
    assert await store.transact(lambda tx: tx.trim_history(0)) == 1
    assert [found.attempt for found in await store.transact(lambda tx: tx.running())] == [key]
    assert await order() == ["q"]


async def test_a_finished_item_is_read_by_its_uid(store, fill, finish_all):
    await finish_all("a", "b")
    await fill("c")
    entry = await store.transact(lambda tx: tx.history_entry("b"))
    assert (entry.item.uid, entry.number) == ("b", 2)
    assert await store.transact(lambda tx: [tx.history_entry(uid) for uid in ("c", "nowhere")]) == [None, None]


async def test_what_is_known_later_of_an_end_takes_the_place_of_the_result(store, finish_all):
    await finish_all("a", "b")
    before = await store.transact(lambda tx: tx.history())
    await store.transact(lambda tx: tx.change_result("a", {**before[0].result, "exit_status": "failed", "more": [1]}))
    changed, other = await store.transact(lambda tx: tx.history())
    assert changed.result == {**before[0].result, "exit_status": "failed", "more": [1]}
    assert (changed.item, changed.number, other) == (before[0].item, before[0].number, before[1])
    found = await store.transact(lambda tx: tx.find_history(ItemFilter(outcome="failed"), limit=9))
    assert found.entries == [changed]


async def test_the_result_of_what_has_not_finished_cannot_be_changed(store, fill):
    await fill("a")
    for uid in ("a", "nowhere"):
        with pytest.raises(NotFoundError, match="not in the history"):
            await store.transact(lambda tx, uid=uid: tx.change_result(uid, {"exit_status": "failed"}))


async def test_events_are_numbered_from_one_without_gaps(store, append):
    assert await store.transact(lambda tx: tx.last_seq()) == 0
    assert await append("x", "y") == [1, 2]
    assert await append("z") == [3]
    assert await store.transact(lambda tx: tx.last_seq()) == 3


async def test_a_transaction_that_fails_uses_up_no_sequence_number(store, append):
    def fail(tx):
        tx.append_event(EventRecord("lost", 1.0, 1))
        raise KeyError("lost")

    await append("x")
    with pytest.raises(KeyError):
        await store.transact(fail)
    assert await append("y") == [2]


async def test_an_event_is_read_as_it_was_appended(store):
    full = EventRecord(
        kind="item_added",
        time=12.25,
        epoch=3,
        lane="default",
        item_uid="a",
        submission="s",
        attempt=2,
        origin=Origin("ada", "staff", "cli", "r1", {"host": "x"}),
        data={"items": ["a", {"n": 1}], "none": None},
    )
    bare = EventRecord("tick", 0.0, 1)
    await store.transact(lambda tx: [tx.append_event(event) for event in (full, bare)])
    found = await store.transact(lambda tx: tx.events(0, 10))
    assert found == [replace(full, seq=1), replace(bare, seq=2)]


@pytest.mark.parametrize(
    ("since", "limit", "expected"),
    [
        (0, 10, [1, 2, 3, 4]),
        (2, 10, [3, 4]),
        (1, 2, [2, 3]),
        (4, 10, []),
        (9, 10, []),
        (0, 0, []),
        (0, -1, []),
        (-5, 2, [1, 2]),
    ],
)
async def test_events_are_read_behind_a_sequence_number(since, limit, expected, store, append):
    await append("a", "b", "c", "d")
    assert [event.seq for event in await store.transact(lambda tx: tx.events(since, limit))] == expected


async def test_a_saved_value_is_loaded_until_another_one_is_saved(store):
    assert await store.transact(lambda tx: tx.load("modes")) is None
    for value in (b"\x00\xff", b""):
        await store.transact(lambda tx, value=value: tx.save("modes", value))
        assert await store.transact(lambda tx: tx.load("modes")) == value
    assert await store.transact(lambda tx: tx.load("other")) is None


async def test_an_answer_is_kept_for_its_key(store):
    reply = StoredReply(b"\x01", b'{"success": true}')
    assert await store.transact(lambda tx: tx.stored_reply("k")) is None
    await store.transact(lambda tx: tx.store_reply("k", reply, 5.0))
    assert await store.transact(lambda tx: tx.stored_reply("k")) == reply


async def test_a_second_answer_for_a_key_is_refused(store):
    first, second = StoredReply(b"1", b"first"), StoredReply(b"2", b"second")
    await store.transact(lambda tx: tx.store_reply("k", first, 5.0))
    with pytest.raises(ConflictError, match="key k"):
        await store.transact(lambda tx: tx.store_reply("k", second, 6.0))
    assert await store.transact(lambda tx: tx.stored_reply("k")) == first


CONTENTS = [
    {"kwargs": {"numbers": [0, -1, 2**63, 2**80, 0.1, 1e300]}},
    {"kwargs": {"infinite": float("inf"), "none": None}},
    {"text": "\u00b5 \u0000 \U0001f600 ' \" \\ null", "empty": {}, "list": []},
    {"deep": [[[[{"a": [True, False, None]}]]]]},
]


@pytest.mark.parametrize("content", CONTENTS, ids=["numbers", "infinite", "text", "deep"])
async def test_content_comes_back_equal(content, store, fill, item):
    await fill("a", content=content)
    await fill("b")
    assert await store.transact(lambda tx: tx.queue("default")) == [item("a", content=content), item("b")]


async def test_not_a_number_comes_back(store, fill):
    await fill("a", content={"x": float("nan")})
    value = (await store.transact(lambda tx: tx.item("a"))).content["x"]
    assert value != value


async def test_tuples_come_back_as_lists_and_keys_as_text(store, fill):
    await fill("a", content={"args": (1, (2, 3)), "kwargs": {1: "one"}})
    content = (await store.transact(lambda tx: tx.item("a"))).content
    assert (content["args"], content["kwargs"]) == ([1, [2, 3]], {"1": "one"})


async def test_content_that_json_does_not_know_is_refused(store, fill, order):
    with pytest.raises(ParameterError, match="bytes"):
        await fill("a", content={"args": [b"raw"]})
    assert await order() == []


async def test_what_is_stored_cannot_be_changed_from_outside(store, item):
    mine = item("a", content={"args": [1]})
    event = EventRecord("x", 1.0, 1, data={"list": [1]})
    await store.transact(lambda tx: (tx.insert([mine], BACK), tx.append_event(event)))
    mine.content["args"].append(2)
    event.data["list"].append(2)
    for _ in range(2):
        content = (await store.transact(lambda tx: tx.item("a"))).content
        [stored] = await store.transact(lambda tx: tx.events(0, 1))
        assert (content["args"], stored.data["list"]) == ([1], [1])
        content["args"].append(3)
        stored.data["list"].append(3)
