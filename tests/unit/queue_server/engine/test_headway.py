"""How far an attempt is, is written at once, then after a pause only what was heard last, and nothing twice."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from queue_server.engine.headway import Headway, percent_of
from queue_server.protocol.items import AttemptKey

KEY = AttemptKey("uid", "uid", "compute", 1, 1)
NEXT = AttemptKey("next", "next", "compute", 1, 1)


class WritingEngine:
    """Keeps what turns would write: the uid of the item and its progress."""

    def __init__(self):
        self.written = []
        self.came = asyncio.Event()
        self.has_room = True

    def post(self, work, *, insist=False, may_wait=False):
        """Do the work on a transaction that only looks."""
        answer = asyncio.get_running_loop().create_future()
        work(SimpleNamespace(tx=self, now=1.0))
        if self.has_room:
            answer.set_result(None)
        else:
            answer.set_exception(OSError("the disk is full"))
        self.came.set()
        return answer

    def exam_task_of(self, item_uid):
        """Note who is asked for; there is no exam task."""
        self.written.append(item_uid)


@pytest.fixture
async def engine():
    """An engine."""
    return WritingEngine()


async def test_the_first_is_written_at_once_and_the_last_after_a_pause(engine):
    headway = Headway(engine, pause_s=0.001)
    headway.hear(KEY, 1)
    assert engine.written == ["uid"]
    engine.came.clear()
    for percent in (2, 3, 4):
        headway.hear(KEY, percent)
    assert engine.written == ["uid"]
    await engine.came.wait()
    assert engine.written == ["uid", "uid"]


async def test_what_has_not_changed_is_not_written_again(engine):
    headway = Headway(engine, pause_s=0.001)
    headway.hear(KEY, 1)
    headway.hear(KEY, 1)
    quiet = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, quiet.set)
    await quiet.wait()
    assert engine.written == ["uid"]
    headway.hear(KEY, 2)
    assert engine.written == ["uid", "uid"]


async def test_another_attempt_does_not_wait_for_the_pause_of_the_one_before(engine):
    headway = Headway(engine, pause_s=60)
    headway.hear(KEY, 1)
    headway.hear(KEY, 2)
    headway.hear(NEXT, 0)
    assert engine.written == ["uid", "next"]


async def test_what_is_pending_is_written_with_the_end_of_its_lane_only(engine):
    headway = Headway(engine, pause_s=60)
    turn: Any = SimpleNamespace(tx=engine, now=1.0)
    headway.settle(turn, "compute")
    headway.hear(KEY, 1)
    headway.settle(turn, "compute")
    headway.hear(KEY, 2)
    headway.settle(turn, "default")
    assert engine.written == ["uid"]
    headway.settle(turn, "compute")
    assert engine.written == ["uid", "uid"]


async def test_a_full_store_costs_only_what_it_does_not_take(engine):
    engine.has_room = False
    headway = Headway(engine, pause_s=0.001)
    headway.hear(KEY, 1)
    headway.hear(KEY, 2)
    engine.came.clear()
    await engine.came.wait()
    assert engine.written == ["uid", "uid"]


@pytest.mark.parametrize(
    ("points", "total", "percent"), [(0, 7, 0), (1, 3, 33), (7, 7, 100), (9, 7, 100), (3, None, 0), (3, 0, 0)]
)
def test_progress_is_told_in_whole_percent(points, total, percent):
    assert percent_of(points, total) == percent
