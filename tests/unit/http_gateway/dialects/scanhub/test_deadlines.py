"""Deadlines: each is told once, the last one set of a timer counts, and none after the end."""

from __future__ import annotations

import asyncio

from http_gateway.dialects.scanhub.deadlines import Deadlines
from http_gateway.dialects.scanhub.model import Timer
from tests.doubles.gateway import PATIENCE_S


async def test_deadlines_are_told_once_unless_they_are_replaced_or_cancelled():
    passed: asyncio.Queue[str] = asyncio.Queue()
    deadlines = Deadlines(lambda timer: passed.put_nowait(timer.key))
    timers = {name: Timer("grace", name) for name in ("late", "gone", "soon", "moved")}
    deadlines.set(timers["late"], 0.05)
    deadlines.set(timers["gone"], 0.0)
    deadlines.set(timers["soon"], -1.0)
    deadlines.set(timers["moved"], 0.0)
    deadlines.set(timers["moved"], 600.0)
    deadlines.cancel(timers["gone"])
    deadlines.cancel(timers["gone"])
    async with asyncio.timeout(PATIENCE_S):
        assert [await passed.get() for _ in range(2)] == ["soon", "late"]
    deadlines.set(timers["soon"], 0.0)
    deadlines.close()
    async with asyncio.timeout(PATIENCE_S):
        deadlines.set(timers["late"], 0.0)
        assert await passed.get() == "late"
    assert passed.empty()
