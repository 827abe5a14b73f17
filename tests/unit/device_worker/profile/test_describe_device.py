from __future__ import annotations

from typing import Any

import pytest
from ophyd import Component, Device, Signal
from ophyd.areadetector import ADBase
from ophyd.sim import SynAxis, TrivialFlyer

from device_worker.profile import DescriptionError
from device_worker.profile import describe_device as description
from device_worker.profile.discover import FoundDevice


class Table(Device):
    x = Component(SynAxis, name="x")
    counter = Component(Signal, value=0)


class Beamline(Device):
    table = Component(Table)


def describe_device(name, found, levels=0) -> Any:
    """Describe a device; the tests look into parts that not every device has."""
    return description.describe_device(name, found, levels)


SIGNAL = {
    "classname": "Signal",
    "module": "ophyd.signal",
    "is_readable": True,
    "is_movable": True,
    "is_flyable": False,
}


def test_a_device_is_described_in_the_documented_form():
    assert describe_device("s", FoundDevice(Signal(name="s"))) == SIGNAL
    described = describe_device("table", FoundDevice(Table(name="table")))
    assert described["classname"] == "Table"
    assert described["module"] == Table.__module__
    assert (described["is_readable"], described["is_movable"], described["is_flyable"]) == (True, False, False)
    assert described["components"]["counter"] == SIGNAL
    assert described["components"]["x"]["components"]["velocity"]["is_movable"] is True


def test_a_flyer_is_flyable():
    described = describe_device("flyer", FoundDevice(TrivialFlyer()))
    assert described["is_flyable"] is True
    assert described["is_readable"] is False


def _depth(described):
    return 1 + max((_depth(part) for part in described.get("components", {}).values()), default=0)


@pytest.mark.parametrize(("levels", "expected"), [(1, 1), (2, 2), (3, 3), (0, 4), (9, 4)])
def test_the_number_of_levels_is_limited_and_zero_is_all(levels, expected):
    assert _depth(describe_device("b", FoundDevice(Beamline(name="b")), levels)) == expected


@pytest.mark.parametrize(("registered", "expected"), [(1, 1), (2, 2), (0, 4)])
def test_a_registered_depth_comes_before_the_option(registered, expected):
    assert _depth(describe_device("b", FoundDevice(Beamline(name="b"), registered), 3)) == expected


class Camera(ADBase):
    acquire = Component(Signal)


def test_the_components_of_an_area_detector_are_listed_only_if_it_is_registered():
    camera = Camera("", name="camera")
    assert "components" not in describe_device("camera", FoundDevice(camera))
    assert "acquire" in describe_device("camera", FoundDevice(camera, 2))["components"]


class Broken:
    component_names = ("first", "bad")

    @property
    def first(self):
        return Signal(name="first")

    @property
    def bad(self):
        raise TimeoutError("no answer from the IOC")


def test_a_device_with_a_failing_component_is_listed_without_components(caplog):
    described = describe_device("broken", FoundDevice(Broken()))
    assert described["classname"] == "Broken"
    assert "components" not in described
    assert "Device 'broken' is listed without its components: Component 'bad'" in caplog.text


def test_a_device_that_cannot_be_looked_at_is_an_error():
    class Metaless:
        def __getattribute__(self, name):
            if name == "__class__":
                raise OSError("gone")
            return object.__getattribute__(self, name)

    with pytest.raises(DescriptionError, match="Device 'odd' cannot be described: gone"):
        describe_device("odd", FoundDevice(Metaless()))


def test_an_ophyd_async_device_is_described_with_its_children():
    from ophyd_async.core import Device as AsyncDevice
    from ophyd_async.core import soft_signal_rw

    class Box(AsyncDevice):
        def __init__(self, name=""):
            self.value = soft_signal_rw(float)
            super().__init__(name=name)

    described = describe_device("box", FoundDevice(Box(name="box")))
    assert described["is_readable"] is False
    assert described["components"]["value"]["is_readable"] is True
    assert described["components"]["value"]["is_movable"] is True
