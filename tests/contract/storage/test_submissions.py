"""An item and all its copies are found by their submission, whatever has become of them."""

from __future__ import annotations

import pytest


@pytest.fixture
def follow(store):
    """Read the uids of what lives of a submission, and of the newest item of it that was completed."""

    async def read(submission):
        def look(tx):
            return [item.uid for item in tx.living(submission)], tx.completed(submission)

        return await store.transact(look)

    return read


@pytest.fixture
def end(store, claim, result):
    """Let the head of a lane run and end."""

    async def run(outcome="completed", lane="default"):
        key = await claim(lane)
        await store.transact(lambda tx: tx.finish(key, result(outcome)))

    return run


async def test_what_waits_or_runs_lives(fill, follow, claim, store, item):
    await fill("a", submission="s")
    await fill("b", submission="s", lane="other", state="held", reason="why")
    await fill("c")
    await claim()
    assert await follow("s") == (["a", "b"], None)
    living = await store.transact(lambda tx: tx.living("s"))
    assert [(each.state, each.lane, each.reason) for each in living] == [
        ("running", "default", ""),
        ("held", "other", "why"),
    ]
    assert living[1] == item("b", submission="s", lane="other", state="held", reason="why")
    assert await follow("nobody") == ([], None)


async def test_what_was_removed_lives_no_more(fill, follow, store):
    await fill("a", submission="s")
    await store.transact(lambda tx: tx.remove(["a"]))
    assert await follow("s") == ([], None)


@pytest.mark.parametrize("outcome", ["failed", "unknown", "stopped", "aborted", "halted"])
async def test_only_what_was_completed_is_completed(fill, follow, end, outcome):
    await fill("a", submission="s")
    await end(outcome)
    assert await follow("s") == ([], None)


async def test_the_newest_of_several_counts(fill, follow, end):
    await fill("z", "a", "m", "b", submission="s")
    for outcome in ("completed", "completed", "failed"):
        await end(outcome)
    assert await follow("s") == (["b"], "a")


async def test_what_a_person_has_found_out_counts(fill, follow, end, store):
    await fill("a", submission="s")
    await end("unknown")
    await store.transact(lambda tx: tx.change_result("a", {"exit_status": "completed"}))
    assert await follow("s") == ([], "a")
    await store.transact(lambda tx: tx.change_result("a", {"exit_status": "failed"}))
    assert await follow("s") == ([], None)


async def test_what_the_history_forgets_is_forgotten(fill, follow, end, store):
    await fill("a", "b", submission="s")
    await end()
    await end()
    await store.transact(lambda tx: tx.trim_history(1))
    assert await follow("s") == ([], "b")
    await store.transact(lambda tx: tx.trim_history(0))
    assert await follow("s") == ([], None)
