"""Deadlines become events at their time, with that time, and not after the end of the manager."""

from __future__ import annotations

import asyncio
import logging

import pytest

from queue_server.clock import ManualClock
from queue_server.core.events import EstopDeadlinePassed
from queue_server.engine.timers import Timers
from queue_server.protocol.errors import StateError

FIRST = EstopDeadlinePassed("default", 1.0, 1, "report", 0.0)
SECOND = EstopDeadlinePassed("default", 1.0, 1, "end", 0.0)


class ListeningEngine:
    """Keeps the commands that reach it; refuses those for which it is told to."""

    def __init__(self):
        self.commands = []
        self.came = asyncio.Event()
        self.refuses = False

    def command(self, event, origin):
        """Take a command."""
        self.commands.append((event, origin.user))
        self.came.set()
        if self.refuses:
            raise StateError("That is over.")


@pytest.fixture
def clock():
    """The time, 5 s after its beginning."""
    clock = ManualClock()
    clock.advance(5)
    return clock


@pytest.fixture
async def engine():
    """An engine."""
    return ListeningEngine()


@pytest.fixture
async def timers(engine, clock):
    """Its deadlines."""
    made = Timers(engine, clock)
    yield made
    made.close()


async def test_a_deadline_comes_back_as_an_event_of_its_time_from_nobody(timers, engine, clock):
    timers.set(0.001, FIRST)
    await engine.came.wait()
    [(event, user)] = engine.commands
    assert (event.what, event.at, user) == ("report", clock.wall(), "")


async def test_the_earlier_deadline_comes_first_whichever_was_set_first(timers, engine):
    timers.set(0.005, SECOND)
    timers.set(0.001, FIRST)
    while len(engine.commands) < 2:
        engine.came.clear()
        await engine.came.wait()
    assert [event.what for event, _ in engine.commands] == ["report", "end"]


async def test_deadlines_end_with_the_manager(timers, engine, clock):
    timers.set(0.0, FIRST)
    timers.close()
    of_another = Timers(engine, clock)
    of_another.set(0.001, SECOND)
    await engine.came.wait()
    assert [event.what for event, _ in engine.commands] == ["end"]


async def test_a_deadline_that_comes_too_late_is_logged_and_harms_no_other(timers, engine, caplog):
    engine.refuses = True
    with caplog.at_level(logging.WARNING):
        timers.set(0.0, FIRST)
        await engine.came.wait()
    assert "A deadline changed nothing: That is over." in caplog.text
    engine.refuses = False
    engine.came.clear()
    timers.set(0.0, SECOND)
    await engine.came.wait()
    assert len(engine.commands) == 2
