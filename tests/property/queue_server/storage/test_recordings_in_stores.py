"""Both stores do the same with the index of runs, by random histories, and list every run once in every page size."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from queue_server.clock import Chance, ManualClock
from queue_server.protocol.errors import CuelightError
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.recordings import RecordedRun, RunEnd, RunFilter
from queue_server.storage.directory import DataDirectory
from queue_server.storage.integrity import examine
from queue_server.storage.memory import open_memory
from queue_server.storage.sqlite import open_sqlite
from tests.faults.places import place_in_memory
from tests.faults.tiers import rounds

WORDS = st.sampled_from("ab")
TIMES = st.sampled_from([-1.5, 0.0, 1.0, 1, 2.25, 1e9])
KEYS = st.builds(AttemptKey, WORDS, WORDS, WORDS, st.integers(1, 2), st.just(1))
RUNS = st.builds(
    RecordedRun,
    WORDS,
    KEYS,
    TIMES,
    scan_id=st.none() | st.integers(0, 1),
    plan_name=WORDS,
    file=st.sampled_from(["", "f"]),
)
ENDS = st.builds(RunEnd, st.sampled_from(["success", ""]), TIMES, st.dictionaries(WORDS, st.integers(0, 5)))
STEPS = st.tuples(st.sampled_from(["open", "open", "close", "undone"]), RUNS, ENDS)
FILTERS = st.builds(
    RunFilter,
    item_uid=st.none() | WORDS,
    submission=st.none() | WORDS,
    scan_id=st.none() | st.integers(0, 1),
    plan_name=st.none() | WORDS,
    lane=st.none() | WORDS,
    time_from=st.none() | TIMES,
    time_to=st.none() | TIMES,
)


def take(step, tx):
    """Do a step; return what it comes to."""
    kind, run, end = step
    try:
        with tx.savepoint():
            if kind == "close":
                return tx.close_recording(run.uid, run.attempt, end)
            tx.open_recording(run)
            if kind == "undone":
                raise CuelightError("undone")
    except CuelightError as error:
        return error.message
    return tx.has_recording(run)


def list_all(tx, wanted, limit):
    """Return all runs that fit, page by page."""
    found, cursor = [], None
    while True:
        part = tx.find_recordings(wanted, limit=limit, cursor=cursor)
        found += part.entries
        if part.cursor is None:
            return found
        cursor = part.cursor


def look(tx, filters):
    """Return what a store tells, after checking that pages of every size are the same list."""
    lists = []
    for wanted in filters:
        whole, *others = [list_all(tx, wanted, limit) for limit in (100, 1, 2)]
        assert others == [whole, whole]
        assert all(wanted.fits(run) for run in whole)
        lists.append(whole)
    return lists, [tx.recording(uid) for uid in "ab"]


@settings(max_examples=rounds(15, 500), deadline=None)
@given(st.lists(STEPS, max_size=12), st.lists(FILTERS, min_size=1, max_size=4))
def test_both_stores_agree_and_what_is_on_disk_is_sound(steps, filters):
    async def compare():
        injected = {"clock": ManualClock(), "chance": Chance.seeded(1)}
        memory = open_memory(**injected)
        with place_in_memory() as place:
            disk = open_sqlite(place / "data", **injected)
            for step in steps:
                outcomes = [await store.transact(lambda tx, at=step: take(at, tx)) for store in (memory, disk)]
                assert outcomes[0] == outcomes[1]
            asked = [RunFilter(), *filters]
            assert await memory.transact(lambda tx: look(tx, asked)) == await disk.transact(lambda tx: look(tx, asked))
            await disk.close()
            assert examine(DataDirectory(place / "data").database)[1] == []

    asyncio.run(compare())
