"""Questions to workers: each has one answer, or an end in time, and there are never too many."""

from __future__ import annotations

import asyncio

import pytest

from queue_server.engine.readings import MOST_WAITING, Readings
from queue_server.protocol.device_link import DeviceReading
from queue_server.protocol.errors import BusyError, StateError


class Link:
    """Keeps what is asked."""

    def __init__(self):
        self.asked = []
        self.has_asked = asyncio.Event()

    def send(self, incarnation, message):
        self.asked.append((incarnation, message))
        self.has_asked.set()


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def readings(link):
    readings = Readings(margin_s=0.0)
    readings.attach(link)
    return readings


def reading(number, epoch=3):
    return DeviceReading(epoch=epoch, question=number, readings={"m": {"value": number}})


async def ask(readings, link):
    """Begin to ask; return the task once the question has left."""
    link.has_asked.clear()
    task = asyncio.create_task(readings.ask("worker", 3, "m", 5.0))
    await link.has_asked.wait()
    return task


async def test_each_question_gets_its_own_answer(readings, link):
    first, second = await ask(readings, link), await ask(readings, link)
    numbers = [message.number for _, message in link.asked]
    assert readings.hear("worker", reading(numbers[1]))
    assert readings.hear("worker", reading(numbers[0]))
    assert [(await task).question for task in (first, second)] == numbers


async def test_an_answer_that_nobody_waits_for_is_dropped(readings, link):
    task = await ask(readings, link)
    ((_, question),) = link.asked
    assert not readings.hear("another worker", reading(question.number))
    assert not readings.hear("worker", reading(question.number, epoch=2))
    assert readings.hear("worker", reading(question.number))
    assert not readings.hear("worker", reading(question.number))
    await task
    assert not readings.hear("worker", reading(question.number))


async def test_a_device_that_hangs_costs_its_question_the_time(readings):
    with pytest.raises(StateError, match=r"'m' was not read within 0\.01 s"):
        await readings.ask("worker", 3, "m", 0.01)


async def test_too_many_questions_are_refused_until_some_are_answered(readings, link):
    tasks = [await ask(readings, link) for _ in range(MOST_WAITING)]
    with pytest.raises(BusyError):
        await readings.ask("worker", 3, "m", 5.0)
    for _, question in link.asked:
        readings.hear("worker", reading(question.number))
    await asyncio.gather(*tasks)
    assert len(link.asked) == MOST_WAITING
