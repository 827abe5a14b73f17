"""What a request and a plan cost, as numbers that are the same on any machine: statements, commits, messages, bytes.

A number here may fall; one that rises is paid with every request of every user.
"""

from __future__ import annotations

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.codec import encode
from queue_server.protocol.worker_link import Execute, pack
from queue_server.storage.database import Database
from queue_server.storage.sqlite import open_sqlite
from tests.doubles.bench import USER, Bench, plan

STATEMENTS_OF_AN_ADDITION = 9
BYTES_OF_AN_ADDITION = 10 * (4096 + 24)
COMMITS_OF_A_PLAN = 3
STATUSES_OF_A_PLAN = 3
EVENTS_OF_A_PLAN = 4
STATUS = encode({"method": "status", "params": {}})


@pytest.fixture
async def bench(tmp_path):
    """A manager that serves, on a store on the disk, with one item and without an environment."""
    store = open_sqlite(tmp_path, clock=ManualClock(), chance=Chance.seeded(1))
    async with Bench.on(store) as bench:
        await bench.add("count")
        yield bench
    await store.close()


@pytest.fixture
def statements(monkeypatch):
    """The statements that run, in order; one that runs for many rows counts once."""
    run = []
    for name in ("rows", "change_many"):
        original = getattr(Database, name)

        def note(self, statement, values=(), original=original):
            run.append(statement)
            return original(self, statement, values)

        monkeypatch.setattr(Database, name, note)
    return run


async def count_addition(bench, statements):
    """Return how many statements the addition of one plan runs."""
    before = len(statements)
    await bench.add("count")
    return len(statements) - before


async def test_adding_an_item_takes_few_statements_and_one_commit(bench, statements):
    commits = bench.store.commits
    assert await count_addition(bench, statements) <= STATEMENTS_OF_AN_ADDITION
    assert bench.store.commits == commits + 1


async def test_adding_an_item_takes_no_more_statements_to_a_long_queue(bench, statements):
    first = await count_addition(bench, statements)
    await bench.do("queue_item_add_batch", items=[plan()] * 1_000, **USER)
    assert await count_addition(bench, statements) == first


async def test_a_hundred_times_as_many_items_at_once_take_few_more_statements(bench, statements):
    counts = []
    for items in (10, 1_000):
        before = len(statements)
        await bench.do("queue_item_add_batch", items=[plan()] * items, **USER)
        counts.append(len(statements) - before)
    assert counts[1] <= 2 * counts[0]


async def test_an_addition_writes_few_bytes_to_the_disk_and_no_more_to_a_long_queue(bench, tmp_path):
    log, written = tmp_path / "queue.sqlite-wal", []
    for items in (1, 2_000):
        await bench.do("queue_item_add_batch", items=[plan()] * items, **USER)
        before = log.stat().st_size
        await bench.add("count")
        written.append(log.stat().st_size - before)
    assert 0 < written[0] <= BYTES_OF_AN_ADDITION
    assert 0 < written[1] <= BYTES_OF_AN_ADDITION


async def test_requests_that_wait_together_share_one_commit(bench):
    commits = bench.store.commits
    replies = [bench.request("queue_item_add", item=plan(), **USER) for _ in range(100)]
    for reply in replies:
        await reply
    # The first may be under way alone before the others have come.
    assert bench.store.commits <= commits + 2


async def test_the_status_costs_no_statement_and_is_encoded_once(bench, statements):
    first = await bench.send(STATUS)
    before = len(statements)
    assert await bench.send(bytes(STATUS)) is first
    assert len(statements) == before
    await bench.add("count")
    assert await bench.send(STATUS) != first


async def test_a_plan_takes_few_commits_and_messages(bench):
    await bench.open()
    await bench.add("count", "count", "count")
    await bench.do("queue_start")
    await bench.run_plan("first")
    await bench.close_run("first")
    await bench.finish()
    commits, since = bench.store.commits, len(bench.journal)
    await bench.run_plan("second")
    await bench.close_run("second")
    await bench.finish()
    assert bench.store.commits - commits <= COMMITS_OF_A_PLAN
    messages = [message for _, message in bench.noted("send", since)]
    assert [type(message) for message in messages] == [Execute]
    assert len(bench.noted("status", since)) <= STATUSES_OF_A_PLAN
    assert len(bench.noted("event", since)) <= EVENTS_OF_A_PLAN


async def test_what_the_worker_is_sent_grows_with_the_item_alone(bench):
    await bench.open()
    await bench.add("count")
    await bench.add("count", kwargs={"num": "x" * 10_000})
    await bench.do("queue_start")
    await bench.run_plan()
    await bench.finish()
    small, large = (len(pack(order)) for order in bench.sent(Execute))
    assert small < 1_000
    assert large - small < 10_100
