"""The clerk: everything in its order, nothing before it is durable, and what has piled up made durable at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from http_gateway.dialects.scanhub.clerk import Clerk, Heard
from http_gateway.dialects.scanhub.effects import RecordDispatch, ReportOutcome, SendFrame
from http_gateway.dialects.scanhub.frames import Feedback
from queue_server.clock import ManualClock
from queue_server.protocol.items import AttemptKey
from tests.doubles.device_session import DEVICE, ITEM

BEGUN = (AttemptKey(ITEM, ITEM, DEVICE, 1, 1), 1.0)
CONFIRMED = SendFrame(1, Feedback(message="stored", result_id="7"))
ENDED = ReportOutcome(ITEM, "done", "")


@dataclass
class Desk:
    """The lane and the disk of a clerk; what happens is kept in its order."""

    happened: list[object] = field(default_factory=list[object])
    unacknowledged: tuple[object, ...] = ()
    fails: bool = False
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_save: asyncio.Event = field(default_factory=asyncio.Event)

    def keep(self, report):
        self.unacknowledged = (*self.unacknowledged, report)

    def finish(self, report):
        self.happened.append(report.outcome)

    def write(self, text):
        self.happened.append(text)

    async def save(self, page):
        self.is_asked.set()
        await self.may_save.wait()
        if self.fails:
            raise OSError("the disk failed")
        self.happened.append(page)


@pytest.fixture
async def desk():
    """A desk, and the clerk at work at it."""
    desk = Desk()
    heard = Heard(
        lambda uid: desk.happened.append(("recorded", uid)),
        lambda uid: desk.happened.append(("unrecorded", uid)),
        desk.happened.append,
    )
    lane: Any = desk
    clerk = Clerk(lane, ManualClock(), desk.save, heard)
    working = asyncio.create_task(clerk.run())
    yield desk, clerk
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_a_device_learns_that_its_file_is_kept_once_that_is_durable(desk):
    desk, clerk = desk
    clerk.take(CONFIRMED, 1, ())
    await desk.is_asked.wait()
    assert desk.happened == []
    desk.may_save.set()
    await clerk.settle()
    assert desk.happened[1:] == [CONFIRMED]
    assert desk.happened[0].generation == 1


async def test_a_device_does_not_learn_of_what_could_not_be_kept(desk):
    desk, clerk = desk
    desk.fails = True
    desk.may_save.set()
    clerk.take(CONFIRMED, 1, ())
    clerk.take(RecordDispatch(ITEM, 1), 1, ())
    await clerk.settle()
    assert desk.happened == [("unrecorded", ITEM)]


async def test_what_has_come_in_while_the_disk_was_busy_is_made_durable_at_once_and_told_in_order(desk):
    desk, clerk = desk
    clerk.take(RecordDispatch(ITEM, 1), 1, ())
    await desk.is_asked.wait()
    clerk.take(CONFIRMED, 2, ())
    clerk.take(ENDED, 3, (), BEGUN)
    clerk.take(RecordDispatch("next", 4), 4, ())
    desk.may_save.set()
    await clerk.settle()
    first, recorded, second, *others = desk.happened
    assert (first.generation, recorded) == (1, ("recorded", ITEM))
    assert (second.generation, [report.outcome for report in second.finished]) == (4, ["completed"])
    assert others == [CONFIRMED, "completed", ("recorded", "next")]
