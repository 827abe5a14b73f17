"""What long lists cost: how many statements, counted, for a time says nothing on a machine that is busy."""

from __future__ import annotations

import apsw
import pytest

from queue_server.protocol.items import BACK, Item, Place, Result


@pytest.fixture
def statements():
    """The statements of every connection that is opened from now on."""
    ran = []

    def watch(connection):
        connection.trace_v2(
            apsw.SQLITE_TRACE_STMT, lambda event: None if event["trigger"] else ran.append(event["sql"])
        )

    apsw.connection_hooks.append(watch)
    yield ran
    apsw.connection_hooks.remove(watch)


@pytest.fixture
async def count(statements, reopen):
    """Tell how many statements a piece of work runs on a store with a queue of 1,000 items and 600 that have ended."""
    store = reopen()
    await store.transact(_fill)
    counts = []

    def measure(work):
        def run(tx):
            del statements[:]
            work(tx)
            counts.append(len(statements))

        return run

    async def of(work):
        await store.transact(measure(work))
        return counts[-1]

    yield of
    await store.close()


def _items(first, number):
    return [Item(f"i{each}", "default", f"i{each}", {"name": "count"}) for each in range(first, first + number)]


def _fill(tx):
    for item in _items(0, 600):
        tx.insert([item], BACK)
        tx.finish(tx.claim_next("default", 1, 1.0).attempt, Result("completed", 1.0, 2.0))
    tx.insert(_items(1_000, 1_000), BACK)


@pytest.mark.parametrize("limit", [1, 100, 1_000])
async def test_a_page_of_the_queue_is_one_statement_and_one_to_find_its_place(limit, count):
    assert await count(lambda tx: tx.shown_queue("default", limit=limit)) == 1
    assert await count(lambda tx: tx.shown_queue("default", limit=limit, after_uid="i1500")) == 2


@pytest.mark.parametrize("limit", [1, 100, 500])
async def test_a_piece_of_the_history_is_one_statement(limit, count):
    assert await count(lambda tx: tx.shown_history(limit=limit)) == 1
    assert await count(lambda tx: tx.shown_history(limit=limit, before=550)) == 1


async def test_a_hundred_items_are_inserted_by_one_statement(count):
    """Besides there is a place to find, and a savepoint that is made and let go."""
    assert await count(lambda tx: tx.insert(_items(5_000, 100), BACK)) == 1 + 2 + 1
    assert await count(lambda tx: tx.insert(_items(6_000, 1_000), BACK)) == 1 + 2 + 10


async def test_a_move_beside_another_item_reads_no_more_than_their_places(count):
    assert await count(lambda tx: tx.move("i1900", Place(before_uid="i1100"))) == 4
