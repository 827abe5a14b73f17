"""Submissions that are followed keep their record and their results, whatever becomes of their items."""

from __future__ import annotations

import pytest

from queue_server.protocol.errors import ConflictError, NotFoundError
from queue_server.protocol.items import Outcome
from queue_server.protocol.submissions import AttemptResult, ResultFile, Submission, SubmissionFilter

FILE = ResultFile("f" * 32, "a/b.csv", "0" * 64, 12, "text/csv", 5.0)


def submission(uid, **fields):
    return Submission(**{"uid": uid, "lane": "default", "creator": "ada", "created": 1.5} | fields)


def of_batch(uid, ordinal, batch="b", **fields):
    return submission(uid, batch=batch, ordinal=ordinal, identity=f"{batch}-{ordinal}", **fields)


def ended(uid, attempt=1, outcome: Outcome = "completed", **fields):
    times = {"time_start": 2.0, "time_stop": 3.0}
    return AttemptResult(uid, attempt, f"i-{uid}-{attempt}", outcome, **{**times, **fields})


@pytest.fixture
def add(store):
    """Follow submissions."""

    async def run(*submissions):
        await store.transact(lambda tx: tx.add_submissions(submissions))

    return run


@pytest.fixture
def list_all(store):
    """Read the uids of a part of a list, and whether there are others."""

    async def run(*, limit=100, behind=0, offset=0, **wanted):
        kept = SubmissionFilter(**wanted)
        part = await store.transact(lambda tx: tx.submissions(kept, limit=limit, behind=behind, offset=offset))
        return [each.submission.uid for _, each in part.entries], part.has_more

    return run


@pytest.fixture
def states(store):
    """Read what has become of submissions."""

    async def run(*uids):
        found = await store.transact(lambda tx: tx.follow([tx.submission(uid) for uid in uids]))
        return [(each.state, each.item_uid, each.message) for each in found]

    return run


async def test_a_submission_is_read_as_it_was_written(store, add):
    whole = of_batch(
        "s",
        3,
        workflow="scan",
        version=2,
        group="g",
        reference="sample 1",
        processing="waiting",
        content={"arguments": {"x": 1.5, "big": 2**70, "none": None}, "tags": ["ä"]},
    )
    await add(whole, submission("t"))
    assert await store.transact(lambda tx: (tx.submission("s"), tx.batch_submission("b-3"))) == (whole, whole)
    assert await store.transact(lambda tx: (tx.submission("nobody"), tx.batch_submission(""))) == (None, None)


@pytest.mark.parametrize(
    "second",
    [[submission("s")], [of_batch("x", 0)], [submission("y"), submission("y")], [of_batch("u", 9), of_batch("v", 9)]],
    ids=["uid", "batch item", "uid twice", "batch item twice"],
)
async def test_none_is_followed_twice(store, add, list_all, second):
    await add(submission("s"), of_batch("t", 0))
    with pytest.raises(ConflictError):
        await add(submission("new"), *second)
    assert await list_all() == (["s", "t"], False)


async def test_lists_are_in_order_and_go_on_behind_a_place(store, add, list_all):
    await add(*[of_batch(f"s{number}", number) for number in range(5)], submission("other"))
    await add(of_batch("t0", 0, batch="c"))
    assert await list_all(batch="b", limit=2) == (["s0", "s1"], True)
    part = await store.transact(lambda tx: tx.submissions(SubmissionFilter(batch="b"), limit=2))
    behind = part.entries[-1][0]
    assert await list_all(batch="b", limit=3, behind=behind) == (["s2", "s3", "s4"], False)
    assert await list_all(batch="b", limit=1, offset=4) == (["s4"], False)
    assert await list_all(batch="b", offset=9) == ([], False)
    counted = await store.transact(
        lambda tx: (tx.count_submissions(SubmissionFilter(batch="b"), behind), tx.count_submissions(SubmissionFilter()))
    )
    assert counted == (3, 7)


async def test_lists_are_narrowed_down(store, add, list_all, fill, claim):
    await add(
        submission("a", workflow="w", version=1, group="g"),
        submission("b", workflow="w", version=1),
        submission("c", workflow="v", version=1, group="g", processing="failed"),
    )
    assert await list_all(workflow="w") == (["a", "b"], False)
    assert await list_all(group="g") == (["a", "c"], False)
    assert await list_all(workflow="w", group="g") == (["a"], False)
    assert await list_all(processing=frozenset({"failed", "waiting"})) == (["c"], False)
    await fill("i", submission="b")
    assert await list_all(states=frozenset({"queued"})) == (["b"], False)
    await claim()
    assert await list_all(workflow="w", states=frozenset({"removed", "running"})) == (["a", "b"], False)


async def test_the_state_is_that_of_the_living_item_and_then_of_the_newest_result(store, add, states, fill, claim):
    await add(submission("s"))
    assert await states("s") == [("removed", "", "")]
    await fill("i", submission="s", state="held", reason="wait")
    assert await states("s") == [("held", "i", "wait")]
    await store.transact(lambda tx: tx.set_held("i", None))
    assert await states("s") == [("queued", "i", "")]
    await claim()
    assert await states("s") == [("running", "i", "")]
    [followed] = await store.transact(lambda tx: tx.follow([tx.submission("s")]))
    assert followed.living is not None
    assert followed.living.time_start is not None
    await fill("copy", submission="s")
    assert await states("s") == [("running", "i", "")]
    await store.transact(lambda tx: tx.remove(["copy"]))
    await store.transact(lambda tx: tx.add_result(ended("s", 1, "failed", message="broken")))
    await store.transact(lambda tx: tx.add_result(ended("s", 2)))
    assert (await states("s"))[0][0] == "running"


async def test_states_of_a_batch_are_counted(store, add, fill):
    await add(*[of_batch(f"s{number}", number) for number in range(4)])
    await fill("i", submission="s0")
    await fill("j", submission="s1", state="held", reason="why")
    await store.transact(lambda tx: tx.add_result(ended("s2", outcome="unknown")))
    counts = await store.transact(lambda tx: dict(tx.count_batch_states("b")))
    assert counts == {"queued": 1, "held": 1, "unknown": 1, "removed": 1}
    assert await store.transact(lambda tx: dict(tx.count_batch_states("nobody"))) == {}


async def test_a_result_is_read_as_it_was_written_and_written_once(store, add):
    await add(submission("s"))
    whole = ended(
        "s", message="m", run_uids=("r", "q"), metrics={"a": 1, "b": 2.5, "c": "x"}, metrics_error="e", files=(FILE,)
    )
    await store.transact(lambda tx: tx.add_result(whole))
    assert await store.transact(lambda tx: tx.results_of("s")) == [whole]
    with pytest.raises(ConflictError, match="attempt 1"):
        await store.transact(lambda tx: tx.add_result(whole))
    with pytest.raises(NotFoundError, match="nobody"):
        await store.transact(lambda tx: tx.add_result(ended("nobody")))


async def test_an_outcome_that_was_unknown_is_known_later(store, add):
    await add(submission("s"), submission("t"))
    await store.transact(lambda tx: [tx.add_result(ended(uid, 1, "unknown")) for uid in "st"])
    await store.transact(lambda tx: tx.change_outcome("s", "i-s-1", "completed"))
    await store.transact(lambda tx: tx.change_outcome("t", "another", "completed"))
    found = await store.transact(lambda tx: [tx.results_of(uid)[0].outcome for uid in "st"])
    assert found == ["completed", "unknown"]


async def test_a_submission_goes_with_its_results(store, add, list_all):
    await add(submission("s"), submission("t"))
    await store.transact(lambda tx: tx.add_result(ended("s")))
    await store.transact(lambda tx: tx.remove_submission("s"))
    assert await list_all() == (["t"], False)
    assert await store.transact(lambda tx: tx.results_of("s")) == []
    with pytest.raises(NotFoundError):
        await store.transact(lambda tx: tx.remove_submission("s"))


async def test_numbers_of_attempts_are_not_given_again_when_the_history_is_gone(store, add, fill, claim, result):
    await add(submission("s"))
    await fill("i", submission="s")
    key = await claim()
    assert key.number == 1
    await store.transact(lambda tx: tx.finish(key, result("failed")))
    await store.transact(lambda tx: tx.add_result(ended("s", key.number, "failed")))
    await store.transact(lambda tx: tx.trim_history(0))
    await fill("j", submission="s")
    assert (await claim()).number == 2


async def test_what_a_failed_transaction_has_written_is_gone(store, add, list_all):
    await add(submission("s"))

    def fail(tx):
        tx.add_submissions([submission("t")])
        tx.add_result(ended("s"))
        tx.remove_submission("s")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.transact(fail)
    assert await list_all() == (["s"], False)
    assert await store.transact(lambda tx: tx.results_of("s")) == []
