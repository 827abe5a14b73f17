"""What a device tells becomes plain values, with its description and limits beside them."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from ophyd.sim import SynAxis
from ophyd_async.core import StandardReadable, soft_signal_rw

from device_worker.device_calls import DeviceCallError
from device_worker.device_reading import read_device
from device_worker.plain_value import LIMIT_BYTES


class Thing:
    """Tells what a test says."""

    name = "thing"
    parent = None
    limits: tuple[float, float] = (0, 0)

    def __init__(self, **values):
        self.values = values

    def read(self):
        return {name: {"value": value, "timestamp": 3.0} for name, value in self.values.items()}

    def describe(self):
        return {name: {"source": "test", "dtype": "number", "shape": [], "units": "mm"} for name in self.values}


class Weather(StandardReadable):
    """A device of ophyd-async."""

    def __init__(self):
        with self.add_children_as_readables():
            self.rain = soft_signal_rw(float, 1.5, units="mm")
        super().__init__(name="weather")


def test_value_time_and_description_stand_together(loop):
    assert read_device(Thing(thing=5), loop, 5.0) == {
        "thing": {"source": "test", "dtype": "number", "shape": [], "units": "mm", "value": 5, "timestamp": 3.0}
    }


def test_limits_stand_with_the_signal_of_the_device_itself(loop):
    thing = Thing(thing=5, other=6)
    thing.limits = (0, 9.5)
    told = read_device(thing, loop, 5.0)
    assert told["thing"]["limits"] == [0, 9.5]
    assert "limits" not in told["other"]


def test_devices_of_ophyd_and_their_parts_are_read(loop):
    axis = SynAxis(name="axis", value=2)
    assert read_device(axis, loop, 5.0)["axis"]["value"] == 2
    assert list(read_device(axis.setpoint, loop, 5.0)) == ["axis_setpoint"]


def test_a_device_of_ophyd_async_is_read_in_its_loop(loop):
    weather = Weather()
    asyncio.run_coroutine_threadsafe(weather.connect(), loop).result(5)
    told = read_device(weather, loop, 5.0)["weather-rain"]
    assert (told["value"], told["units"]) == (1.5, "mm")
    assert read_device(weather.rain, loop, 5.0)["weather-rain"]["value"] == 1.5


def test_a_loop_that_is_busy_costs_the_time(loop):
    weather, go_on = Weather(), threading.Event()
    asyncio.run_coroutine_threadsafe(weather.connect(), loop).result(5)
    loop.call_soon_threadsafe(go_on.wait)
    try:
        with pytest.raises(DeviceCallError, match=r"has not answered within 0\.05 s"):
            read_device(weather, loop, 0.05)
    finally:
        go_on.set()


def test_arrays_are_lists_and_what_has_no_plain_form_is_a_text(loop):
    told = read_device(Thing(array=np.arange(3), strange=object()), loop, 5.0)
    assert told["array"]["value"] == [0, 1, 2]
    assert "object object" in told["strange"]["value"]


def test_what_is_too_large_is_shown_as_a_text_and_the_rest_as_it_is(loop):
    told = read_device(Thing(image=np.zeros(LIMIT_BYTES), small=1), loop, 5.0)
    assert isinstance(told["image"]["value"], str)
    assert told["small"]["value"] == 1


def test_many_large_values_stay_within_bounds(loop):
    told = read_device(Thing(**{f"part{number}": "x" * 100_000 for number in range(6)}), loop, 5.0)
    assert len(told) == 6
    assert sum(len(str(each["value"])) for each in told.values()) < 2 * LIMIT_BYTES


def test_what_cannot_be_read_says_so(loop):
    with pytest.raises(DeviceCallError, match="it has no read"):
        read_device(object(), loop, 5.0)
