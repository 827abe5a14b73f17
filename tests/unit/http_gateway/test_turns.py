"""Many senders take turns, so that one notice for all of them holds up nothing else."""

from __future__ import annotations

import asyncio

from http_gateway.turns import Turns


async def _pass_round() -> None:
    loop = asyncio.get_running_loop()
    passed = loop.create_future()
    loop.call_soon(passed.set_result, None)
    await passed


async def test_a_single_sender_need_not_wait():
    turns = Turns(1)
    waiting = turns.wait()
    try:
        waiting.send(None)
    except StopIteration:
        return
    finally:
        waiting.close()
    raise AssertionError("the only sender had to wait")


async def test_other_work_gets_its_turn_between_senders():
    turns, seen = Turns(2), list[str]()

    async def send(number: int) -> None:
        await turns.wait()
        seen.append(f"sender {number}")

    async def work() -> None:
        for step in range(3):
            seen.append(f"step {step}")
            await _pass_round()

    await asyncio.gather(*(send(number) for number in range(40)), work())
    assert [each for each in seen if each.startswith("sender")] == [f"sender {number}" for number in range(40)]
    assert seen.index("step 2") < seen.index("sender 20")


async def test_each_round_lets_no_more_go_than_it_may():
    turns, rounds, gone = Turns(3), list[int](), 0

    async def send() -> None:
        nonlocal gone
        await turns.wait()
        gone += 1

    senders = asyncio.gather(*(send() for _ in range(30)))
    while not senders.done():
        before = gone
        await _pass_round()
        rounds.append(gone - before)
    assert gone == 30
    # Waiting for a callback may take two rounds.
    assert max(rounds) <= 6


async def test_a_sender_that_gives_up_costs_nobody_a_turn():
    turns, gone = Turns(1), list[int]()

    async def send(number: int) -> None:
        await turns.wait()
        gone.append(number)

    senders = [asyncio.create_task(send(number)) for number in range(5)]
    await _pass_round()
    senders[2].cancel()
    await asyncio.gather(*senders, return_exceptions=True)
    assert gone == [0, 1, 3, 4]
    # Later ones find a fresh round.
    await asyncio.wait_for(turns.wait(), 60)
