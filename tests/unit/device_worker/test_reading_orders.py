"""Orders to read: answered once each, from threads of their own, and a device that hangs holds up no other."""

from __future__ import annotations

import threading
from queue import SimpleQueue

import pytest

from device_worker.reading_orders import MOST_AT_ONCE, Readings
from queue_server.protocol.device_link import DeviceReading, ReadDevice


class Devices:
    """Devices that hang until a test lets them go on, except ``quick`` and ``broken``."""

    def __init__(self):
        self.go_on = threading.Event()
        self.asked: SimpleQueue[tuple[str, float]] = SimpleQueue()

    def read_device(self, name, timeout_s):
        self.asked.put((name, timeout_s))
        if name == "broken":
            return "it is switched off" + "!" * 10_000
        if name != "quick":
            self.go_on.wait()
        return {name: {"value": 1}}


@pytest.fixture
def devices():
    devices = Devices()
    yield devices
    devices.go_on.set()


@pytest.fixture
def answers():
    return SimpleQueue()


@pytest.fixture
def readings(devices, answers):
    readings = Readings(answers.put)
    readings.use(devices)
    return readings


def order(device, number=1):
    return ReadDevice(epoch=2, number=number, device=device, timeout_s=3.0)


def test_an_answer_names_its_question(readings, devices, answers):
    readings.take(order("quick", 7))
    assert answers.get(timeout=60) == DeviceReading(epoch=2, question=7, readings={"quick": {"value": 1}})
    assert devices.asked.get() == ("quick", 3.0)


def test_a_failure_is_an_answer_and_is_cut(readings, answers):
    readings.take(order("broken"))
    answer = answers.get(timeout=60)
    assert answer.readings is None
    assert answer.message.startswith("it is switched off")
    assert len(answer.message) == 4096


def test_devices_that_hang_hold_up_neither_the_caller_nor_others_until_there_are_too_many(readings, devices, answers):
    for number in range(1, MOST_AT_ONCE):
        readings.take(order("slow", number))
    readings.take(order("quick", 50))
    assert answers.get(timeout=60).question == 50
    for _ in range(MOST_AT_ONCE):
        devices.asked.get(timeout=60)
    # The place of the quick one is free soon after its answer, if not before.
    devices.go_on.set()
    assert {answers.get(timeout=60).question for _ in range(1, MOST_AT_ONCE)} == set(range(1, MOST_AT_ONCE))


def test_one_more_than_may_hang_is_refused(readings, devices, answers):
    for number in range(1, MOST_AT_ONCE + 1):
        readings.take(order("slow", number))
    readings.take(order("quick", 99))
    refused = answers.get(timeout=60)
    assert (refused.question, refused.readings) == (99, None)
    assert f"{MOST_AT_ONCE} devices have not answered" in refused.message


def test_before_there_are_devices_the_answer_says_so(answers):
    Readings(answers.put).take(order("quick"))
    assert "no devices" in answers.get(timeout=60).message
