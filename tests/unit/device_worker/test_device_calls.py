"""A device that is set: within its limits, until it is there or its time is over, and never past an emergency stop."""

from __future__ import annotations

import asyncio
import threading

import pytest
from ophyd.sim import SynAxis
from ophyd.status import Status
from ophyd_async.core import AsyncStatus, StandardReadable

from device_worker.activity import Activity, Emergency
from device_worker.device_calls import DeviceCalls, find_limits
from device_worker.movables import Movables
from device_worker.profile import ProfileError


class Motor:
    """Moves until a test says that it is there; stop() ends the move as a failure."""

    name = "motor"
    parent = None
    limits = (-10, 10)

    def __init__(self):
        self.wanted = []
        self.began = threading.Event()
        self.status = Status(self)

    def set(self, value):
        self.wanted.append(value)
        self.status = Status(self)
        self.began.set()
        return self.status

    def stop(self, *, success=False):
        self.wanted.append("stop")
        self.status.set_exception(RuntimeError("stopped on its way"))


class AsyncMotor(StandardReadable):
    """Moves in the event loop until it is stopped, but at once to 0."""

    def __init__(self):
        super().__init__(name="async_motor")
        self.began = threading.Event()
        self.halted = asyncio.Event()

    @AsyncStatus.wrap
    async def set(self, value):
        self.began.set()
        if value != 0:
            await self.halted.wait()
            raise RuntimeError("stopped on its way")

    async def stop(self, success=True):
        self.halted.set()


class Place:
    """An event loop in a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def place():
    place = Place()
    yield place
    place.close()


@pytest.fixture
def activity():
    return Activity()


@pytest.fixture
def movables():
    return Movables()


@pytest.fixture
def calls(place, activity, movables):
    return DeviceCalls(place, activity, movables)


@pytest.fixture
def begin():
    """Begin a call in a thread; return how to wait for its end, which is the error that it has raised."""
    threads = []

    def start(call, *args):
        found = []

        def run():
            try:
                call(*args)
            except ProfileError as error:
                found.append(str(error))

        thread = threading.Thread(target=run)
        thread.start()
        threads.append(thread)

        def wait():
            thread.join(60)
            assert not thread.is_alive()
            return found[0] if found else None

        return wait

    yield start
    for thread in threads:
        thread.join(60)


def test_a_set_ends_when_the_device_is_there(calls, begin, movables):
    motor = Motor()
    wait = begin(calls.set, "motor", motor, 5, 30.0)
    assert motor.began.wait(10)
    assert [movable.device for movable in movables.list()] == [motor]
    motor.status.set_finished()
    assert wait() is None
    assert motor.wanted == [5]


def test_devices_of_ophyd_and_of_ophyd_async_are_set(calls):
    axis = SynAxis(name="axis")
    calls.set("axis", axis, 2.5, 30.0)
    assert axis.position == 2.5
    calls.set("async_motor", AsyncMotor(), 0, 30.0)


@pytest.mark.parametrize("value", [10.5, -11, float("nan")])
def test_a_value_beyond_the_limits_moves_nothing(calls, movables, value):
    motor = Motor()
    with pytest.raises(ProfileError, match=r"'motor' was not set: .* beyond its limits, -10 to 10"):
        calls.set("motor", motor, value, 30.0)
    assert motor.wanted == []
    assert movables.list() == ()


def test_the_check_of_a_device_comes_first(calls):
    class Choosy(Motor):
        def check_value(self, value):
            raise ValueError(f"{value} is not for us")

    motor = Choosy()
    with pytest.raises(ProfileError, match="5 is not for us"):
        calls.set("motor", motor, 5, 30.0)
    assert motor.wanted == []


@pytest.mark.parametrize("make", [Motor, AsyncMotor])
def test_a_device_that_is_stopped_on_its_way_has_not_arrived(calls, begin, make):
    motor = make()
    wait = begin(calls.set, "motor", motor, 5, 30.0)
    assert motor.began.wait(10)
    calls.stop("motor", motor)
    assert wait() == "'motor' has not arrived: stopped on its way"


@pytest.mark.parametrize("make", [Motor, AsyncMotor])
def test_a_device_that_takes_too_long_is_stopped(calls, make):
    motor = make()
    with pytest.raises(ProfileError, match=r"'motor' has not arrived within 0\.05 s and was told to stop"):
        calls.set("motor", motor, 5, 0.05)
    assert "stop" in motor.wanted if make is Motor else motor.halted.is_set()


def test_after_an_emergency_stop_nothing_is_set(calls, activity):
    motor = Motor()
    activity.stop(Emergency("smoke"))
    with pytest.raises(ProfileError, match="emergency stop \\(smoke\\)"):
        calls.set("motor", motor, 5, 30.0)
    assert motor.wanted == []


def test_a_device_that_an_emergency_stop_has_met_while_it_was_being_set_is_stopped(calls, activity):
    class Late(Motor):
        def set(self, value):
            activity.stop(Emergency("smoke"))
            return super().set(value)

    motor = Late()
    with pytest.raises(ProfileError, match="stopped on its way"):
        calls.set("motor", motor, 5, 30.0)
    assert motor.wanted == [5, "stop"]


def test_what_cannot_be_set_or_stopped_says_so(calls):
    with pytest.raises(ProfileError, match="it has no set"):
        calls.set("thing", object(), 5, 30.0)
    with pytest.raises(ProfileError, match="it has no stop"):
        calls.stop("thing", object())


@pytest.mark.parametrize(
    ("limits", "found"),
    [((0, 0), None), ((-1, 1.5), (-1, 1.5)), (None, None), ((1,), None), (("a", "b"), None), ((None, None), None)],
)
def test_only_limits_that_limit_count(limits, found):
    motor = Motor()
    motor.limits = limits
    assert find_limits(motor) == found
