"""Attempts: at most one in a lane, fenced by their whole key, ended once."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from queue_server.protocol.errors import ConflictError, NotFoundError, ParameterError
from queue_server.protocol.items import FRONT, OUTCOMES, AttemptKey, Run
from queue_server.storage.base import Claim, HeldAtHead, InstructionAtHead, RunningItem


@pytest.fixture
async def key(fill, claim):
    """The key of an attempt that is open in the lane ``default``."""
    await fill("a", "b")
    return await claim()


@pytest.fixture
def running(store):
    """Read what runs."""

    async def read():
        return await store.transact(lambda tx: tx.running())

    return read


async def test_the_head_of_the_queue_is_claimed(store, item, fill, order, running):
    await fill("a", "b")
    answer = await store.transact(lambda tx: tx.claim_next("default", 7, 12.5))
    claimed = replace(item("a"), state="running", attempt=1)
    assert answer == Claim(claimed, AttemptKey("a", "s-a", "default", 1, 7))
    assert await order() == ["b"]
    assert await store.transact(lambda tx: tx.item("a")) == claimed
    assert await running() == [RunningItem(claimed, answer.attempt, "dispatched", 12.5, ())]


async def test_nothing_is_claimed_from_an_empty_queue(store):
    assert await store.transact(lambda tx: tx.claim_next("default", 1, 0.0)) is None


async def test_an_instruction_at_the_head_is_told_and_left(store, item, fill, order, running):
    await fill("stop", content={"item_type": "instruction", "name": "queue_stop"})
    answer = await store.transact(lambda tx: tx.claim_next("default", 1, 0.0))
    assert answer == InstructionAtHead(item("stop", content={"item_type": "instruction", "name": "queue_stop"}))
    assert await order() == ["stop"]
    assert await running() == []


@pytest.mark.parametrize("kind", ["plan", "instruction"])
async def test_a_held_item_at_the_head_is_told_and_left(kind, store, fill, order, running):
    await fill("h", state="held", reason="why", content={"item_type": kind})
    await fill("a")
    answer = await store.transact(lambda tx: tx.claim_next("default", 1, 0.0))
    assert isinstance(answer, HeldAtHead)
    assert (answer.item.uid, answer.item.reason) == ("h", "why")
    assert await order() == ["h", "a"]
    assert await running() == []


async def test_a_second_attempt_in_a_lane_is_refused(store, key, order):
    with pytest.raises(ConflictError, match="lane default"):
        await store.transact(lambda tx: tx.claim_next("default", 1, 0.0))
    assert await order() == ["b"]


async def test_a_second_attempt_is_refused_even_if_nothing_waits(store, key):
    await store.transact(lambda tx: tx.clear("default"))
    with pytest.raises(ConflictError):
        await store.transact(lambda tx: tx.claim_next("default", 1, 0.0))


async def test_lanes_run_side_by_side(fill, claim, running):
    await fill("b", lane="b")
    await fill("a", lane="a")
    keys = [await claim("b"), await claim("a")]
    assert [found.attempt for found in await running()] == keys[::-1]


async def test_attempts_are_numbered_by_submission(store, fill, claim, result):
    for uid, submission, number in (("a", "s", 1), ("b", "s", 2), ("c", "t", 1), ("d", "s", 3)):
        await fill(uid, submission=submission)
        key = await claim()
        assert key.number == number
        finished = await store.transact(lambda tx, key=key: tx.finish(key, result()))
        assert finished.attempt == number


async def test_the_number_of_an_attempt_is_not_given_again_when_the_history_is_trimmed(store, fill, finish_all, claim):
    await finish_all("a", "b", submission="s")
    await fill("c", submission="s")
    await store.transact(lambda tx: tx.trim_history(0))
    assert (await claim()).number == 3


async def test_the_numbers_of_a_submission_begin_anew_when_nothing_is_left_of_it(store, fill, finish_all, claim):
    await finish_all("a", "b", submission="s")
    await store.transact(lambda tx: tx.trim_history(0))
    await fill("c", submission="s")
    assert (await claim()).number == 1


@pytest.mark.parametrize("phase", ["acknowledged", "running"])
async def test_a_phase_is_recorded(phase, store, key, running):
    await store.transact(lambda tx: tx.set_phase(key, phase))
    assert [found.phase for found in await running()] == [phase]


async def test_no_phase_ends_an_attempt(store, key, running):
    with pytest.raises(ParameterError, match="result"):
        await store.transact(lambda tx: tx.set_phase(key, "finished"))
    assert [found.phase for found in await running()] == ["dispatched"]


async def test_runs_are_kept_in_the_order_of_opening(store, key, running):
    def work(tx):
        for uid, scan_id in (("z", 1), ("y", None), ("x", 3)):
            tx.open_run(key, Run(uid, scan_id))
        tx.close_run(key, "y", "success")

    await store.transact(work)
    expected = (Run("z", 1), Run("y", None, is_open=False, exit_status="success"), Run("x", 3))
    assert [found.runs for found in await running()] == [expected]


async def test_the_same_run_is_recorded_once(store, key, running):
    await store.transact(lambda tx: tx.open_run(key, Run("z", 1)))
    await store.transact(lambda tx: tx.close_run(key, "z", "abort"))
    await store.transact(lambda tx: tx.open_run(key, Run("z", 1)))
    assert [found.runs for found in await running()] == [(Run("z", 1, is_open=False, exit_status="abort"),)]


async def test_two_attempts_may_name_the_same_run(store, fill, claim, running):
    await fill("a", lane="a")
    await fill("b", lane="b")
    for lane in "ab":
        key = await claim(lane)
        await store.transact(lambda tx, key=key: tx.open_run(key, Run("z")))
    assert [found.runs for found in await running()] == [(Run("z"),), (Run("z"),)]


async def test_closing_an_unknown_run_is_refused(store, key):
    with pytest.raises(NotFoundError, match="no run z"):
        await store.transact(lambda tx: tx.close_run(key, "z", "success"))


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_a_finished_item_is_the_newest_entry_of_the_history(outcome, store, item, key, result):
    ended = result(outcome, run_uids=("z",), scan_ids=(4,), message="m", traceback="t", points=10)
    finished = await store.transact(lambda tx: tx.finish(key, ended))
    assert finished == replace(item("a"), state="finished", attempt=1)
    [entry] = await store.transact(lambda tx: tx.history())
    assert (entry.number, entry.item, entry.result) == (1, finished, ended.shown())
    assert entry.shown() == {**item("a").content, "result": ended.shown()}
    assert await store.transact(lambda tx: tx.item("a")) == finished


async def test_a_finished_item_neither_runs_nor_waits(store, key, result, running, order):
    await store.transact(lambda tx: tx.finish(key, result()))
    assert await running() == []
    assert await order() == ["b"]


async def test_the_next_item_can_be_claimed_in_the_transaction_that_finishes(store, key, result):
    def work(tx):
        tx.finish(key, result())
        return tx.claim_next("default", 2, 5.0)

    assert (await store.transact(work)).attempt == AttemptKey("b", "s-b", "default", 1, 2)


@pytest.mark.parametrize(
    "change",
    [{"number": 2}, {"epoch": 2}, {"item_uid": "b"}, {"submission": "s-b"}, {"lane": "other"}],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize(
    "order_of",
    [
        lambda tx, key, result: tx.finish(key, result),
        lambda tx, key, result: tx.set_phase(key, "running"),
        lambda tx, key, result: tx.open_run(key, Run("z")),
        lambda tx, key, result: tx.close_run(key, "y", "success"),
    ],
    ids=["finish", "set_phase", "open_run", "close_run"],
)
async def test_a_key_that_differs_in_one_part_reaches_nothing(order_of, change, store, key, result, running):
    await store.transact(lambda tx: tx.open_run(key, Run("y")))
    before = await running()
    with pytest.raises(NotFoundError, match="not open"):
        await store.transact(lambda tx: order_of(tx, dataclasses.replace(key, **change), result()))
    assert await running() == before


async def test_an_attempt_ends_once(store, key, result):
    await store.transact(lambda tx: tx.finish(key, result("failed")))
    with pytest.raises(NotFoundError, match="not open"):
        await store.transact(lambda tx: tx.finish(key, result("completed")))
    [entry] = await store.transact(lambda tx: tx.history())
    assert entry.result["exit_status"] == "failed"


async def test_a_copy_of_what_failed_goes_to_the_front_with_the_next_number(store, item, key, result, order, claim):
    def work(tx):
        tx.finish(key, result("failed"))
        tx.insert([item("a2", submission=key.submission, attempt=key.number)], FRONT)

    await store.transact(work)
    assert await order() == ["a2", "b"]
    assert (await claim()).number == 2
