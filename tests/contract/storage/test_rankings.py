"""Results are ranked by their metrics as the rules say, in every store alike."""

from __future__ import annotations

import itertools
import random
from math import inf, nan

import pytest

from queue_server.protocol.errors import ConflictError, NotFoundError
from queue_server.protocol.rankings import PostprocessingRun, RankedRun, RankEntry, SortColumn
from queue_server.protocol.submissions import AttemptResult, Submission
from queue_server.protocol.workflows import Workflow, read_workflow

COLUMNS = {"a": "float", "b": "int", "c": "string"}
PLAN = {"item_type": "plan", "name": "count"}


def make_workflow(identity="peak", version=1, columns=COLUMNS):
    schema = {"columns": [{"name": name, "dtype": dtype, "stop": name} for name, dtype in columns.items()]}
    return Workflow(read_workflow({"id": identity, "plan": PLAN, "result_schema": schema}), version, "ada", 1.0)


def make_entry(uid, values, *, group=None, stop=10.0, attempt=1, workflow="peak"):
    return RankEntry(workflow, RankedRun(uid, attempt), group, stop, values)


@pytest.fixture
def rank(store):
    """Write submissions with results, and let them be ranked."""

    async def add(*entries):
        def work(tx):
            for entry in entries:
                uid, attempt = entry.run.submission, entry.run.attempt
                if tx.submission(uid) is None:
                    tx.add_submissions(
                        [Submission(uid, "default", "ada", 1.0, entry.workflow, 1, entry.group, content={})]
                    )
                tx.add_result(AttemptResult(uid, attempt, f"i-{uid}", "completed", 1.0, entry.time_stop))
                tx.add_rank(entry)

        await store.transact(work)

    return add


@pytest.fixture
def order(store):
    """Read the submissions of a ranking."""

    async def read(*columns, limit=1000, include_all=True, workflow="peak"):
        wanted = [SortColumn(name, descending) for name, descending in columns]
        runs = await store.transact(lambda tx: tx.ranking(workflow, wanted, limit=limit, include_all=include_all))
        return [run.submission for run in runs]

    return read


@pytest.fixture
async def peak(store):
    """A workflow with three columns."""
    await store.transact(lambda tx: tx.put_workflow(make_workflow()))


async def test_larger_values_come_first_or_last(peak, rank, order):
    await rank(make_entry("x", {"a": 1.5}), make_entry("y", {"a": 3}), make_entry("z", {"a": -2.0}))
    assert await order(("a", True)) == ["y", "x", "z"]
    assert await order(("a", False)) == ["z", "x", "y"]


async def test_what_is_missing_comes_last_in_both_directions(peak, rank, order):
    values = {"n": {"a": nan}, "i": {"a": inf}, "m": {}, "x": {"a": 1.0}, "y": {"a": 2.0}}
    await rank(*(make_entry(uid, each, stop=float(at)) for at, (uid, each) in enumerate(values.items())))
    assert await order(("a", True)) == ["y", "x", "n", "i", "m"]
    assert await order(("a", False)) == ["x", "y", "n", "i", "m"]


async def test_ties_go_to_the_earlier_end_then_to_the_smaller_id(peak, rank, order):
    await rank(
        make_entry("c", {"a": 1.0}, stop=5.0),
        make_entry("b", {"a": 1.0}, stop=5.0),
        make_entry("a", {"a": 1.0}, stop=6.0),
        make_entry("d", {"a": 1.0}, stop=4.0),
    )
    assert await order(("a", True)) == ["d", "b", "c", "a"]
    assert await order(("a", False)) == ["d", "b", "c", "a"]
    assert await order() == ["d", "b", "c", "a"]


async def test_texts_are_compared_by_code_point(peak, rank, order):
    texts = {"1": "a", "2": "B", "3": "ä", "4": "", "5": "😀", "6": "\uffee"}
    await rank(*(make_entry(uid, {"c": text}) for uid, text in texts.items()))
    assert await order(("c", False)) == sorted(texts, key=lambda uid: texts[uid])


async def test_each_group_has_its_best_run_under_the_order_that_is_asked_for(peak, rank, order):
    await rank(
        make_entry("x1", {"a": 1.0, "b": 9}, group="x"),
        make_entry("x2", {"a": 2.0, "b": 1}, group="x"),
        make_entry("y1", {"a": 1.5, "b": 5}, group="y"),
        make_entry("s", {"a": 0.0, "b": 0}),
        make_entry("t", {"a": 0.0, "b": 0}, stop=11.0),
    )
    assert await order(("a", True), include_all=False) == ["x2", "y1", "s", "t"]
    assert await order(("b", True), include_all=False) == ["x1", "y1", "s", "t"]
    assert await order(("b", True), include_all=False, limit=1) == ["x1"]


async def test_a_group_and_a_submission_of_the_same_name_do_not_compete(peak, rank, order):
    await rank(make_entry("x", {"a": 1.0}), make_entry("y", {"a": 2.0}, group="x"))
    assert await order(("a", True), include_all=False) == ["y", "x"]


async def test_an_attempt_of_another_version_is_ranked_by_the_columns_that_it_has(store, peak, rank, order):
    await rank(make_entry("x", {"a": 1.0, "zzz": 4}))
    await store.transact(lambda tx: tx.put_workflow(make_workflow(version=2, columns={"d": "int", "a": "float"})))
    await rank(make_entry("y", {"d": 7, "a": 0.5}))
    assert await order(("d", True)) == ["y", "x"]
    assert await order(("a", True)) == ["x", "y"]
    assert await order(("unheard_of", True)) == ["x", "y"]


async def test_workflows_have_rankings_of_their_own(store, peak, rank, order):
    await store.transact(lambda tx: tx.put_workflow(make_workflow("other")))
    await rank(make_entry("x", {"a": 1.0}), make_entry("y", {"a": 1.0}, workflow="other"))
    assert await order(workflow="other") == ["y"]
    assert await order(workflow="unknown") == []


async def test_what_is_forgotten_is_not_ranked(store, peak, rank, order):
    await rank(make_entry("x", {"a": 1.0}), make_entry("x", {"a": 2.0}, attempt=2), make_entry("y", {"a": 1.5}))
    assert await order(("a", True)) == ["x", "y", "x"]
    await store.transact(lambda tx: tx.remove_submission("x"))
    assert await order(("a", True)) == ["y"]


async def test_only_a_result_of_a_known_workflow_is_ranked_and_once(store, peak, rank):
    with pytest.raises(NotFoundError, match="no workflow"):
        await rank(make_entry("x", {}, workflow="other"))
    with pytest.raises(NotFoundError, match="no result of attempt 1"):
        await store.transact(lambda tx: tx.add_rank(make_entry("x", {})))
    await rank(make_entry("x", {}))
    with pytest.raises(ConflictError, match="already"):
        await store.transact(lambda tx: tx.add_rank(make_entry("x", {})))


async def test_the_best_of_an_entrant_is_known(store, peak, rank):
    entries = [make_entry("x1", {"a": 1.0}, group="x"), make_entry("x2", {"a": 2.0}, group="x")]
    await rank(*entries)

    async def best(descending, entrant="g:x"):
        return await store.transact(lambda tx: tx.best_of("peak", [SortColumn("a", descending)], entrant))

    assert await best(True) == RankedRun("x2", 1)
    assert await best(False) == RankedRun("x1", 1)
    assert await best(True, "g:y") is None


def naive(entries, columns, *, include_all):
    """The rules, word by word."""

    def missing(value):
        return (
            value is None
            or (isinstance(value, float) and value not in (-inf, inf) and value != value)
            or (isinstance(value, float) and abs(value) == inf)
        )

    found = sorted(entries, key=lambda entry: (entry.time_stop, entry.run.submission, entry.run.attempt))
    for name, descending in reversed(columns):
        has = [entry for entry in found if not missing(entry.values.get(name))]
        lacks = [entry for entry in found if missing(entry.values.get(name))]
        has.sort(key=lambda entry: entry.values[name], reverse=descending)
        found = has + lacks
    seen = set()
    kept = []
    for entry in found:
        if include_all or entry.entrant not in seen:
            kept.append(entry.run)
            seen.add(entry.entrant)
    return kept


@pytest.mark.parametrize("seed", range(4))
async def test_every_order_is_that_of_the_rules(store, peak, rank, seed):
    chance = random.Random(seed)
    values = {
        "a": [None, nan, inf, -inf, -1.5, 0.0, 2.0, 2, 1e300],
        "b": [None, -3, 0, 2**62, 2**62 + 1],
        "c": [None, "", "a", "ab", "B", "é"],
    }
    entries = []
    for number in range(90):
        drawn = {name: chance.choice(each) for name, each in values.items()}
        present = {name: value for name, value in drawn.items() if value is not None}
        group = chance.choice([None, "g1", "g2", "g3"])
        entries.append(
            make_entry(f"u{chance.randrange(10**6)}-{number}", present, group=group, stop=chance.choice([1.0, 2.0]))
        )
    await rank(*entries)
    orders = [
        list(zip(names, directions, strict=True))
        for count in range(3)
        for names in itertools.permutations("abc", count)
        for directions in itertools.product((True, False), repeat=count)
    ]
    for columns, include_all, limit in itertools.product(orders, (True, False), (2, 7, 1000)):
        wanted = [SortColumn(name, descending) for name, descending in columns]

        def read(tx, wanted=wanted, include_all=include_all, limit=limit):
            return tx.ranking("peak", wanted, limit=limit, include_all=include_all)

        assert await store.transact(read) == naive(entries, columns, include_all=include_all)[:limit]


async def test_very_many_entrants_are_ranked_by_the_same_rules(store, peak, rank):
    chance = random.Random(5)
    entries = [make_entry(f"s{number:04}", {"a": chance.random()}) for number in range(1_000)]
    entries += [make_entry(f"g{number:04}", {"a": 1.0 + chance.random()}, group="g1") for number in range(40)]
    entries += [make_entry(f"h{number:04}", {"a": 0.5}, group="g2") for number in range(3)]
    await rank(*entries)
    for limit in (3, 100, 2000):
        expected = naive(entries, [("a", True)], include_all=False)[:limit]
        found = await store.transact(lambda tx, limit=limit: tx.ranking("peak", [SortColumn("a")], limit=limit))
        assert found == expected


async def test_records_and_results_are_read_in_the_order_of_the_ranking(store, peak, rank):
    await rank(make_entry("x", {"a": 1.0}), make_entry("x", {"a": 3.0}, attempt=2), make_entry("y", {"a": 2.0}))

    def read(tx):
        return tx.read_ranked(tx.ranking("peak", [SortColumn("a")], limit=9, include_all=True))

    found = await store.transact(read)
    assert [(submission.uid, result.submission, result.attempt) for submission, result in found] == [
        ("x", "x", 2),
        ("y", "y", 1),
        ("x", "x", 1),
    ]
    assert await store.transact(lambda tx: tx.read_ranked([])) == []


async def test_post_processing_remembers_its_runs(store, peak, rank):
    await rank(make_entry("p1", {}), make_entry("p2", {}), make_entry("p3", {}))
    first = PostprocessingRun("peak", "p1", (RankedRun("x", 1), RankedRun("y", 2)), has_succeeded=True)
    others = [PostprocessingRun("peak", uid, ()) for uid in ("p2", "p3")]

    def write(tx):
        for run in (first, *others):
            tx.add_postprocessing(run)

    await store.transact(write)

    async def newest(**how):
        return await store.transact(lambda tx: tx.newest_postprocessing("peak", **how))

    assert await newest() == others[1]
    assert await newest(served=True) == first
    done = PostprocessingRun("peak", "p2", (RankedRun("z", 1),), has_succeeded=True)
    await store.transact(lambda tx: tx.change_postprocessing(done))
    assert await newest(served=True) == done
    assert await store.transact(lambda tx: tx.postprocessing("p2")) == done
    await store.transact(lambda tx: tx.remove_submission("p2"))
    assert await newest(served=True) == first
    assert await store.transact(lambda tx: tx.postprocessing("p2")) is None
    assert await store.transact(lambda tx: tx.newest_postprocessing("other")) is None


async def test_only_what_is_followed_is_a_post_processing_and_once(store, peak, rank):
    run = PostprocessingRun("peak", "p", ())
    for doing in ("add_postprocessing", "change_postprocessing"):
        with pytest.raises(NotFoundError, match="no post-processing"):
            await store.transact(lambda tx, doing=doing: getattr(tx, doing)(run))
    await rank(make_entry("p", {}))
    await store.transact(lambda tx: tx.add_postprocessing(run))
    with pytest.raises(ConflictError, match="already"):
        await store.transact(lambda tx: tx.add_postprocessing(run))
    with pytest.raises(NotFoundError, match="no workflow"):
        await store.transact(lambda tx: tx.add_postprocessing(PostprocessingRun("other", "p", ())))
