"""The index of recorded runs: every run once, ended once, found by what is known of it, and never trimmed."""

from __future__ import annotations

import pytest

from queue_server.protocol.errors import CuelightError, ParameterError
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.recordings import RecordedRun, RunEnd, RunFilter
from queue_server.storage.recording_search import RECORDING_WINDOW

KEY = AttemptKey("item-1", "s-1", "default", 1, 1)
OTHER = AttemptKey("item-2", "s-2", "tomography", 1, 1)


def run(uid="a", attempt=KEY, time_start=100.0, **fields):
    """Return a run that has begun."""
    return RecordedRun(uid, attempt, time_start, **{"file": f"runs/1970-01/{uid}.jsonl", **fields})


@pytest.fixture
def open_runs(store):
    """Write runs that have begun."""

    async def write(*runs):
        await store.transact(lambda tx: [tx.open_recording(each) for each in runs])

    return write


@pytest.fixture
def close(store):
    """Write how a run has ended."""

    async def write(uid="a", attempt=KEY, **fields):
        end = RunEnd(**{"exit_status": "success", "time_stop": 105.0, **fields})
        return await store.transact(lambda tx: tx.close_recording(uid, attempt, end))

    return write


@pytest.fixture
def find(store):
    """Return the uids of all runs that fit, page by page."""

    async def read(limit=100, **wanted):
        uids, cursor, pages = [], None, 0
        while True:
            at = cursor
            part = await store.transact(
                lambda tx, at=at: tx.find_recordings(RunFilter(**wanted), limit=limit, cursor=at)
            )
            assert len(part.entries) <= limit
            uids += [entry.uid for entry in part.entries]
            pages += 1
            if part.cursor is None:
                return uids
            assert part.cursor != cursor
            cursor = part.cursor

    return read


@pytest.fixture
def get(store):
    """Return the newest run of a uid."""

    async def read(uid="a"):
        return await store.transact(lambda tx: tx.recording(uid))

    return read


async def test_a_run_is_kept_as_it_was_told(open_runs, close, get):
    told = run(scan_id=7, plan_name="scan", host="far.example.org")
    await open_runs(told)
    kept = await get()
    assert kept == RecordedRun(**{**fields_of(told), "place": 1})
    assert await close(num_events={"primary": 3, "baseline": 2}) is True
    ended = await get()
    assert ended.end == RunEnd("success", 105.0, {"primary": 3, "baseline": 2})
    assert fields_of(ended) | {"end": None} == fields_of(kept)


def fields_of(run):
    return {name: getattr(run, name) for name in RecordedRun.__struct_fields__}


async def test_nothing_is_known_of_other_runs(open_runs, get):
    await open_runs(run("a"))
    assert await get("b") is None


async def test_a_report_that_comes_again_changes_nothing(open_runs, close, get, find):
    await open_runs(run(), run(time_start=200.0))
    await close()
    await open_runs(run())
    assert (await get()).end is not None
    assert await find() == ["a"]


async def test_a_run_ends_once(open_runs, close, get):
    await open_runs(run())
    await close(exit_status="abort")
    assert await close(exit_status="success") is False
    assert (await get()).end.exit_status == "abort"


async def test_the_end_of_a_run_that_nobody_opened_is_passed_over(open_runs, close, get):
    assert await close() is False
    await open_runs(run())
    assert await close(attempt=OTHER) is False
    assert (await get()).end is None


async def test_runs_of_the_same_uid_are_kept_apart_by_attempt_and_file(open_runs, close, get, find):
    await open_runs(run(), run(file="runs/1970-01/a-2.jsonl"), run(attempt=OTHER, plan_name="last"))
    assert await find() == ["a", "a", "a"]
    assert (await get()).plan_name == "last"
    assert await close() is True
    assert (await get()).end is None
    assert await close() is True
    assert await close() is False


async def test_a_run_is_known_by_uid_attempt_and_file(store, open_runs):
    await open_runs(run())
    asked = (run(time_start=5.0), run(file=""), run(attempt=OTHER), run("b"))
    assert await store.transact(lambda tx: [tx.has_recording(each) for each in asked]) == [True, False, False, False]


CONDITIONS = {
    "item_uid": "item-2",
    "submission": "s-2",
    "scan_id": 9,
    "plan_name": "scan",
    "lane": "tomography",
}


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("condition", CONDITIONS)
async def test_runs_are_found_by_each_condition_newest_first(condition, limit, open_runs, find):
    other = {"attempt": OTHER, "scan_id": 9, "plan_name": "scan"}
    await open_runs(
        run("a", scan_id=1, plan_name="count", time_start=10.0),
        run("b", time_start=30.0, **other),
        run("c", plan_name="count", time_start=40.0),
        run("d", time_start=20.0, **other),
        run("e", time_start=30.0, **other),
    )
    assert await find(limit, **{condition: CONDITIONS[condition]}) == ["e", "b", "d"]
    assert await find(limit) == ["c", "e", "b", "d", "a"]
    assert await find(limit, **{condition: 4 if condition == "scan_id" else "nothing"}) == []


async def test_runs_are_found_by_several_conditions(open_runs, find):
    await open_runs(
        run("a", plan_name="scan", scan_id=1), run("b", plan_name="count"), run("c", attempt=OTHER, plan_name="scan")
    )
    assert await find(plan_name="scan", lane="default") == ["a"]
    assert await find(plan_name="scan", lane="default", scan_id=2) == []
    assert await find(submission="s-2", item_uid="item-2", lane="tomography", plan_name="scan") == ["c"]


@pytest.mark.parametrize("limit", [1, 100])
async def test_runs_are_found_by_when_they_began(limit, open_runs, find):
    await open_runs(*(run(str(at), time_start=float(at), plan_name="scan") for at in (-3, 0, 5, 10, 15)))
    assert await find(limit, time_from=5.0) == ["15", "10", "5"]
    assert await find(limit, time_to=10.0) == ["5", "0", "-3"]
    assert await find(limit, time_from=0.0, time_to=10, plan_name="scan") == ["5", "0"]
    assert await find(limit, time_from=16.0) == []


async def test_a_cursor_goes_on_where_the_page_ended_whatever_comes_meanwhile(store, open_runs):
    await open_runs(*(run(name, time_start=1.1) for name in "abc"))
    first = await store.transact(lambda tx: tx.find_recordings(RunFilter(), limit=2))
    await open_runs(run("d", time_start=1.1), run("e", time_start=9e9))
    second = await store.transact(lambda tx: tx.find_recordings(RunFilter(), limit=2, cursor=first.cursor))
    assert [each.uid for each in (*first.entries, *second.entries)] == ["c", "b", "a"]
    assert second.cursor is None


@pytest.mark.parametrize("cursor", ["", "1", "1.0_", "1.0_x", "1..0_5", "nan_1", "1e_5"])
async def test_a_cursor_that_no_list_gives_is_refused(cursor, store):
    with pytest.raises(ParameterError, match="'cursor' must be the 'next_cursor'"):
        await store.transact(lambda tx: tx.find_recordings(RunFilter(), limit=2, cursor=cursor))


async def test_one_search_examines_a_bounded_number_of_runs(store, open_runs, find):
    many = [run(f"n{number}", plan_name="scan", time_start=50.0) for number in range(RECORDING_WINDOW + 5)]
    await open_runs(run("old", plan_name="scan", attempt=OTHER, time_start=1.0), *many)
    wanted = RunFilter(plan_name="scan", lane="tomography")
    part = await store.transact(lambda tx: tx.find_recordings(wanted, limit=1))
    assert part.entries == []
    assert part.cursor is not None
    assert await find(1, plan_name="scan", lane="tomography") == ["old"]


async def test_runs_outlive_the_history_and_the_attempts(store, open_runs, fill, claim, result, find):
    await fill("x")
    key = await claim()
    await open_runs(run("of x", attempt=key))
    await store.transact(lambda tx: tx.finish(key, result()))
    assert await store.transact(lambda tx: tx.trim_history(0)) == 1
    assert await find(item_uid="x") == ["of x"]


async def test_what_is_undone_is_not_there(store, find):
    def undone(tx):
        with tx.savepoint():
            tx.open_recording(run())
            tx.close_recording("a", KEY, RunEnd("success", 1.0))
            raise CuelightError("undone")

    with pytest.raises(CuelightError):
        await store.transact(undone)
    assert await find() == []
