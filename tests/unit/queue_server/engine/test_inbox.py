"""The inbox: order, batches, entries that are tried again, and the end."""

from __future__ import annotations

import asyncio

from queue_server.engine.inbox import Entry, Inbox

NEVER_S = 3600


def entry(*, insists=False, told=None):
    return Entry(lambda turn: turn, told.append if told is not None else lambda done: None, insists)


async def taken(inbox, most=256):
    async with asyncio.timeout(60):
        return await inbox.take(most)


async def test_entries_come_out_in_the_order_in_which_they_came():
    inbox, entries = Inbox(), [entry() for _ in range(5)]
    for each in entries:
        inbox.put(each)
    assert await taken(inbox, 3) == entries[:3]
    assert await taken(inbox, 3) == entries[3:]


async def test_whoever_takes_waits_for_the_first_entry():
    inbox, only = Inbox(), entry()
    taking = asyncio.ensure_future(inbox.take(256))
    await asyncio.wait([taking], timeout=0)
    assert not taking.done()
    inbox.put(only)
    assert await taking == [only]


async def test_what_is_put_back_comes_before_what_came_later():
    inbox = Inbox(retry_s=NEVER_S)
    first, second, later = entry(insists=True), entry(insists=True), entry()
    inbox.put(later)
    inbox.put_back([first, second])
    assert await taken(inbox) == [first, second, later]


async def test_what_is_put_back_alone_waits_for_company():
    inbox, kept, later = Inbox(retry_s=NEVER_S), entry(insists=True), entry()
    inbox.put(kept)
    assert await taken(inbox) == [kept]
    inbox.put_back([kept])
    taking = asyncio.ensure_future(inbox.take(256))
    await asyncio.wait([taking], timeout=0)
    assert not taking.done()
    inbox.put(later)
    assert await taking == [kept, later]
    inbox.close()


async def test_what_is_put_back_alone_is_due_after_a_while():
    inbox, kept = Inbox(retry_s=0.01), entry(insists=True)
    inbox.put_back([kept])
    assert await taken(inbox) == [kept]


async def test_the_end_tells_what_waits_and_what_comes_later_that_it_will_not_be_done():
    inbox, told = Inbox(retry_s=NEVER_S), []
    waiting, late = entry(insists=True, told=told), entry(told=told)
    inbox.put_back([waiting])
    inbox.close()
    assert told == [None]
    inbox.put(late)
    assert told == [None, None]
