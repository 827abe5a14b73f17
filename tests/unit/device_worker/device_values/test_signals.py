"""Signals of real devices of ophyd and ophyd-async are subscribed to, and nothing is left of it at the end."""

from __future__ import annotations

import asyncio
import threading

import pytest
from ophyd import Component, Device, Signal, SoftPositioner
from ophyd.sim import SynAxis, SynGauss
from ophyd_async.core import StandardReadable, soft_signal_rw

from device_worker.device_calls import DeviceCallError
from device_worker.device_values.signals import subscribe

PATIENCE_S = 60


class Told:
    """Keeps what is told; ``wait_for`` waits until a signal has a value."""

    def __init__(self):
        self.values = {}
        self.moving = []
        self._changed = threading.Condition()

    def tell(self, signal, value, timestamp):
        with self._changed:
            self.values[signal] = value
            self._changed.notify_all()

    def tell_moving(self, *, is_moving):
        self.moving.append(is_moving)

    def wait_for(self, signal, value):
        with self._changed:
            assert self._changed.wait_for(lambda: self.values.get(signal) == value, PATIENCE_S), self.values


class Stage(Device):
    """Two axes, and a signal of its configuration."""

    x = Component(SynAxis, name="x")
    y = Component(SynAxis, name="y")
    speed = Component(Signal, value=1, kind="config")


class Drive(StandardReadable):
    """A device of ophyd-async whose place to go is no reading, as that of its motors."""

    def __init__(self):
        with self.add_children_as_readables():
            self.readback = soft_signal_rw(float, 1.5, units="mm")
        self.user_setpoint = soft_signal_rw(float, 1.0)
        self.other = soft_signal_rw(int)
        super().__init__(name="drive")


def names_of(device):
    """Return the names of the readings of a device of ophyd."""
    return {str(name) for name in device.describe()}


def count(part):
    """Count the subscriptions to a device or signal of ophyd; return their numbers, which change."""
    known = []
    begin, end = part.subscribe, part.unsubscribe

    def subscribe(*args, **options):
        known.append(begin(*args, **options))
        return known[-1]

    def unsubscribe(number):
        known.remove(number)
        end(number)

    part.subscribe, part.unsubscribe = subscribe, unsubscribe
    return known


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def do(loop):
    """Run a coroutine function in the loop."""
    return lambda make: asyncio.run_coroutine_threadsafe(_await(make), loop).result(PATIENCE_S)


async def _await(make):
    return await make()


def test_a_motor_tells_where_it_is_and_where_it_goes(loop, told):
    motor = SynAxis(name="motor")
    known = count(motor), count(motor.readback)
    subscribed = subscribe(motor, names_of(motor), told, loop, PATIENCE_S)
    assert subscribed.names == {"motor", "motor_setpoint"}
    assert told.values == {}
    motor.set(3).wait(PATIENCE_S)
    assert told.values == {"motor": 3, "motor_setpoint": 3}
    assert [len(numbers) for numbers in known] == [1, 1]
    subscribed.stop()
    motor.set(4).wait(PATIENCE_S)
    assert told.values["motor"] == 3
    assert known == ([], [])


def test_parts_of_a_device_tell_theirs_and_configuration_is_left_out(loop, told):
    stage = Stage(name="stage")
    subscribed = subscribe(stage, names_of(stage), told, loop, PATIENCE_S)
    assert subscribed.names == names_of(stage)
    stage.y.set(2).wait(PATIENCE_S)
    stage.speed.put(9)
    assert told.values == {"stage_y": 2, "stage_y_setpoint": 2}


def test_a_signal_alone_and_a_detector_are_followed(loop, told):
    signal, motor = Signal(name="lamp", value=0), SynAxis(name="motor")
    detector = SynGauss("det", motor, "motor", center=0, Imax=5)
    subscribe(signal, names_of(signal), told, loop, PATIENCE_S)
    subscribe(detector, names_of(detector), told, loop, PATIENCE_S)
    signal.put(1)
    detector.trigger().wait(PATIENCE_S)
    assert told.values == {"lamp": 1, "det": 5}


def test_a_positioner_tells_that_it_moves(loop, told):
    soft = SoftPositioner(name="soft", init_pos=0)
    subscribed = subscribe(soft, names_of(soft), told, loop, PATIENCE_S)
    soft.set(2).wait(PATIENCE_S)
    assert (told.values, told.moving) == ({"soft": 2}, [True, False])
    subscribed.stop()
    soft.set(3).wait(PATIENCE_S)
    assert told.values == {"soft": 2}


def test_signals_of_ophyd_async_tell_their_present_value_at_once_and_then_changes(loop, told, do):
    drive = Drive()
    do(drive.connect)
    subscribed = subscribe(drive, do(drive.describe), told, loop, PATIENCE_S)
    assert subscribed.names == {"drive-readback", "drive-user_setpoint"}
    assert told.values == {"drive-readback": 1.5, "drive-user_setpoint": 1.0}
    do(lambda: drive.readback.set(2.5))
    told.wait_for("drive-readback", 2.5)
    subscribed.stop()
    do(lambda: drive.readback.set(3.5))
    assert told.values["drive-readback"] == 2.5
    # Without a subscription there is no monitor: a cached value cannot be had.
    with pytest.raises(RuntimeError):
        do(lambda: drive.readback.get_value(cached=True))


def test_a_device_without_subscription_has_no_signals_that_are_followed(loop, told):
    class Thing:
        name = "thing"

    assert subscribe(Thing(), ["thing"], told, loop, PATIENCE_S).names == frozenset()


def test_nothing_is_left_of_a_subscription_that_has_failed_half_way(loop, told):
    stage = Stage(name="stage")

    def refuse(*_, **__):
        raise OSError("no monitor")

    stage.y.subscribe = refuse
    known = count(stage.x)
    with pytest.raises(OSError, match="no monitor"):
        subscribe(stage, names_of(stage), told, loop, PATIENCE_S)
    assert known == []


def test_an_event_loop_that_stands_still_is_given_up(loop, told, do):
    drive, free = Drive(), threading.Event()
    do(drive.connect)
    loop.call_soon_threadsafe(free.wait)
    with pytest.raises(DeviceCallError, match="event loop"):
        subscribe(drive, ["drive-readback"], told, loop, 0.01)
    free.set()
    do(drive.describe)
    with pytest.raises(RuntimeError):
        do(lambda: drive.readback.get_value(cached=True))
