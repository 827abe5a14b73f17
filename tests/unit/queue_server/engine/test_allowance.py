"""What one worker has under way is bounded; a worker in order never meets a bound."""

from __future__ import annotations

import asyncio

from queue_server.client.outbox import WINDOW, WINDOW_BYTES
from queue_server.engine.allowance import (
    LONGEST_TEXT,
    MOST_ENTRIES,
    MOST_RECORDED,
    MOST_WAITING,
    MOST_WAITING_BYTES,
    Allowance,
    cut,
)


def answer():
    return asyncio.get_running_loop().create_future()


async def let_callbacks_run():
    turn = answer()
    asyncio.get_running_loop().call_soon(turn.set_result, None)
    await turn


async def test_a_worker_that_sends_its_window_twice_meets_no_bound():
    assert 2 * WINDOW <= MOST_WAITING
    assert 2 * WINDOW_BYTES <= MOST_WAITING_BYTES


async def test_so_many_reports_wait_and_no_more_until_one_is_committed():
    allowance, answers = Allowance(), [answer() for _ in range(4)]
    for number in range(MOST_WAITING):
        assert allowance.has_room("w", 10)
        allowance.enter("w", 10, answers[number % 4])
    assert not allowance.has_room("w", 10)
    assert allowance.has_room("another", 10)
    answers[0].set_result(None)
    await let_callbacks_run()
    assert allowance.has_room("w", 10)


async def test_so_many_bytes_wait_but_a_large_report_alone_may():
    allowance, first = Allowance(), answer()
    assert allowance.has_room("w", 2 * MOST_WAITING_BYTES)
    allowance.enter("w", MOST_WAITING_BYTES, first)
    assert not allowance.has_room("w", 1)
    first.cancel()
    await let_callbacks_run()
    assert allowance.has_room("w", MOST_WAITING_BYTES)


async def test_of_what_tells_how_things_are_the_first_and_the_last_are_posted():
    allowance, posted = Allowance(), list[tuple[str, asyncio.Future[None]]]()

    def say(what, who="w"):
        def post():
            posted.append((what, answer()))
            return posted[-1][1]

        allowance.take_latest("hello", who, post)

    for what in ("first", "second", "third"):
        say(what)
    say("other", "another")
    assert [what for what, _ in posted] == ["first", "other"]
    posted[0][1].set_result(None)
    await let_callbacks_run()
    assert [what for what, _ in posted] == ["first", "other", "third"]
    posted[2][1].set_result(None)
    await let_callbacks_run()
    say("fourth")
    assert [what for what, _ in posted] == ["first", "other", "third", "fourth"]


async def test_so_many_reports_in_vain_are_recorded_for_each_worker():
    allowance = Allowance()
    assert all(allowance.may_record("w") for _ in range(MOST_RECORDED))
    assert allowance.is_last("w")
    assert not allowance.may_record("w")
    assert allowance.may_record("another")
    allowance.forget("w")
    assert allowance.may_record("w")


async def test_what_is_recorded_of_a_report_is_short():
    report = {
        "message": "x" * 900_000,
        "run_uids": ["y" * 9_000] * 900,
        "points": 3,
        "more": {n: n for n in range(900)},
    }
    shown = cut(report)
    assert isinstance(shown, dict)
    assert shown["points"] == 3
    assert len(shown["message"]) < LONGEST_TEXT + 100
    assert len(shown["run_uids"]) == len(shown["more"]) == MOST_ENTRIES
    assert len(shown["run_uids"][0]) < LONGEST_TEXT + 100
