"""Workers of the last epoch: those that live are waited for, those that are gone are told as exits."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.workers.adoption import adopt_workers

NEVER_S = 3600


class Host:
    """Knows which incarnations live."""

    def __init__(self, *living):
        self._living = living
        self.adopted = []

    def adopt(self, lane, incarnation):
        """Adopt a worker if it lives."""
        self.adopted.append((lane, incarnation))
        return incarnation in self._living


@pytest.fixture
def exits():
    return []


async def at_once():
    """Have nothing to wait for."""


async def test_workers_that_are_gone_are_told_as_exits_and_the_others_are_not(exits):
    host = Host("alive")
    await adopt_workers({"a": "alive", "b": "gone"}, host, lambda *told: exits.append(told), at_once)
    assert host.adopted == [("a", "alive"), ("b", "gone")]
    assert exits == [("b", "gone", "it was gone when the manager started")]


async def test_without_workers_there_is_nothing_to_do(exits):
    await adopt_workers({}, Host(), lambda *told: exits.append(told), at_once)
    assert exits == []


async def test_the_exits_are_told_before_anything_is_waited_for(exits):
    async def settled():
        assert len(exits) == 1

    await adopt_workers({"a": "gone"}, Host(), lambda *told: exits.append(told), settled)


async def test_living_workers_are_waited_for(exits):
    arrived = asyncio.Event()
    adopting = asyncio.ensure_future(
        adopt_workers({"a": "alive"}, Host("alive"), lambda *told: exits.append(told), arrived.wait, NEVER_S)
    )
    await asyncio.wait([adopting], timeout=0)
    assert not adopting.done()
    arrived.set()
    await adopting


async def test_patience_ends_with_a_warning_and_the_manager_goes_on(exits, caplog):
    never = asyncio.Event()
    await adopt_workers({"a": "alive"}, Host("alive"), lambda *told: exits.append(told), never.wait, 0.01)
    assert "has not reported" in caplog.text
    assert exits == []
