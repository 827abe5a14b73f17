"""Lists as clients see them: text made from what is stored says the same as the values."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from queue_server.protocol.codec import decode, encode
from queue_server.protocol.errors import NotFoundError
from queue_server.protocol.items import BACK, Item
from queue_server.protocol.listing import encode_reply
from queue_server.protocol.written_list import WrittenList

CONTENTS = {
    "plain": {"item_type": "plan", "name": "count", "kwargs": {"num": 1.5}, "meta": {"é": ["😀", None, True]}},
    "empty": {},
    "with the result of an earlier attempt": {"name": "count", "result": {"exit_status": "failed"}, "user": "u"},
    "with names that are shown inside": {"kwargs": {"lane": 1, "state": 2, "hold_reason": 3, "result": {"lane": 4}}},
    "with a result alone": {"result": {}},
    "with a long integer": {"kwargs": {"n": 2**80}},
    "with a line break": {"meta": {"text": 'a\nb\\n"result":\0'}},
}
ODD = {"kwargs": {"n": float("inf"), "list": [float("nan")]}}


def told(piece):
    """Return what a client reads of a piece."""
    reply = {"items": WrittenList([piece])}
    assert json.loads(b"[" + piece.text() + b"]") == decode(encode_reply(reply, "json"))[0]["items"]
    return decode(encode_reply(reply, "msgpack"))[0]["items"]


@pytest.mark.parametrize("state", ["queued", "held"])
@pytest.mark.parametrize("lane", ["default", 'other "lane"'])
@pytest.mark.parametrize("name", CONTENTS)
async def test_a_queue_is_shown_as_its_items_are(store, name, lane, state):
    items = [
        Item(uid, lane, uid, CONTENTS[name], state, reason='since "yesterday"\n' * (state == "held")) for uid in "ab"
    ]
    await store.transact(lambda tx: tx.insert(items, BACK))
    shown, known = await store.transact(lambda tx: (tx.shown_queue(lane), tx.queue(lane)))
    assert json.loads(b"[" + shown.piece.text() + b"]") == [item.shown() for item in known]
    assert (shown.piece.count, shown.last_uid) == (2, "b")
    if "integer" not in name:
        assert told(shown.piece) == [item.shown() for item in known]


@pytest.mark.parametrize("lane", ["default", "other"])
@pytest.mark.parametrize("name", CONTENTS)
async def test_the_history_is_shown_as_its_entries_are(store, claim, result, name, lane):
    await store.transact(lambda tx: tx.insert([Item("a", lane, "a", CONTENTS[name])], BACK))
    key = await claim(lane)
    await store.transact(lambda tx: tx.finish(key, result("failed", message='no "light"\n')))
    shown, known = await store.transact(lambda tx: (tx.shown_history(), tx.history()))
    assert json.loads(b"[" + shown.piece.text() + b"]") == [entry.shown() for entry in known]
    assert (shown.piece.count, shown.first, shown.last) == (1, known[0].number, known[0].number)


async def test_numbers_that_json_does_not_know_are_shown_as_in_every_reply(store, fill):
    await fill("a", content=ODD)
    await fill("b")
    shown, known = await store.transact(lambda tx: (tx.shown_queue("default"), tx.queue("default")))
    values = [item.shown() for item in known]
    assert decode(encode_reply({"items": WrittenList([shown.piece])}, "json")) == decode(encode({"items": values}))
    assert str(told_values(shown.piece)) == str(values)


def told_values(piece):
    """Return what a piece has, whether it is text or not."""
    return list(WrittenList([piece]))


async def test_parts_are_those_of_the_lists_themselves(store, fill, finish_all):
    await finish_all("f1", "f2", "f3")
    await fill("a", "b", "c")

    def read(tx):
        for limit, after in [(None, None), (2, None), (0, None), (5, "a"), (1, "b"), (2, "c")]:
            items = tx.queue("default", limit=limit, after_uid=after)
            shown = tx.shown_queue("default", limit=limit, after_uid=after)
            assert told(shown.piece) == [item.shown() for item in items]
            assert shown.last_uid == (items[-1].uid if items else "")
        for limit, before in [(None, None), (2, None), (0, None), (5, 3), (1, 2), (2, 1)]:
            entries = tx.history(limit=limit, before=before)
            part = tx.shown_history(limit=limit, before=before)
            assert told(part.piece) == [entry.shown() for entry in entries]
            assert (part.first, part.last) == ((entries[0].number, entries[-1].number) if entries else (0, 0))

    await store.transact(read)


async def test_a_part_behind_an_item_that_is_not_in_the_queue_is_refused(store, fill):
    await fill("a")
    with pytest.raises(NotFoundError):
        await store.transact(lambda tx: tx.shown_queue("default", after_uid="gone"))


async def test_what_is_known_later_of_an_ended_item_is_shown(store, finish_all):
    await finish_all("a")
    await store.transact(lambda tx: tx.change_result("a", {"exit_status": "completed", "n": 1}))
    [entry] = told((await store.transact(lambda tx: tx.shown_history())).piece)
    assert entry["result"] == {"exit_status": "completed", "n": 1}


async def test_many_items_are_inserted_together_or_not_at_all(store, item, order):
    items = [item(f"i{number}") for number in range(250)]
    await store.transact(lambda tx: tx.insert(items, BACK))
    assert await order() == [each.uid for each in items]
    again = [replace(each, uid=f"j{number}") for number, each in enumerate(items[:249])] + items[:1]
    with pytest.raises(Exception, match="i0"):
        await store.transact(lambda tx: tx.insert(again, BACK))
    assert await order() == [each.uid for each in items]
