from __future__ import annotations

import functools

import pytest
from bluesky import plans, protocols, utils
from ophyd import Component, Device, Signal
from ophyd.sim import MockFlyer, SynAxis, hw

from device_worker.profile import ProfileError
from device_worker.profile.discover import find_devices, find_plans, is_device, is_plan, iterate_components

det, motor = hw().det, hw().motor


def generator_function():
    yield


@utils.plan
def marked():
    yield


async def coroutine():
    pass


async def asynchronous_generator():
    yield


@pytest.mark.parametrize("value", [generator_function, marked, plans.count, functools.partial(generator_function)])
def test_generator_functions_and_marked_functions_are_plans(value):
    assert is_plan(value)


@pytest.mark.parametrize(
    "value", [coroutine, asynchronous_generator, print, lambda: None, generator_function(), 5, "text", Signal, det]
)
def test_other_objects_are_no_plans(value):
    assert not is_plan(value)


class Reader:
    name, parent = "reader", None

    def read(self):
        return {}

    def describe(self):
        return {}


class Parent:
    def children(self):
        return iter([])


@pytest.mark.parametrize(
    "value",
    [det, motor, Signal(name="s"), Device(name="d"), Reader(), Parent(), MockFlyer("flyer", det, motor, 1, 5, 20)],
)
def test_what_satisfies_a_protocol_or_has_children_is_a_device(value):
    assert is_device(value)


def test_an_ophyd_async_device_is_a_device():
    from ophyd_async.core import Device as AsyncDevice

    assert is_device(AsyncDevice(name="plain"))


@pytest.mark.parametrize(
    "value", [Reader, SynAxis, protocols.Readable, 5, "text", {}, print, plans, type("C", (), {"children": 5})()]
)
def test_classes_and_plain_objects_are_no_devices(value):
    assert not is_device(value)


def test_names_are_those_of_the_namespace_in_its_order():
    namespace = {"zeta": plans.count, "_alpha": generator_function, "five": 5, "d": det, "_e": motor}
    assert list(find_plans(namespace)) == ["zeta", "_alpha"]
    assert [(name, found.device, found.depth) for name, found in find_devices(namespace).items()] == [
        ("d", det, None),
        ("_e", motor, None),
    ]


class Grudging:
    """An object that cannot be looked at, as lazy proxies may be."""

    def __getattr__(self, name):
        raise RuntimeError("not now")

    def __call__(self):
        return None


def test_an_object_that_cannot_be_looked_at_is_left_out_with_a_warning(caplog):
    namespace = {"odd": Grudging(), "count": plans.count, "det": det}
    assert list(find_plans(namespace)) == ["count"]
    assert list(find_devices(namespace)) == ["det"]
    assert "'odd' cannot be looked at: not now" in caplog.text


class Table(Device):
    x = Component(SynAxis, name="x")
    y = Component(SynAxis, name="y")


def test_components_of_a_device_are_iterated_by_name():
    table = Table(name="table")
    assert [(name, part is getattr(table, name)) for name, part in iterate_components(table)] == [
        ("x", True),
        ("y", True),
    ]
    assert list(iterate_components(Reader())) == []


class Broken:
    component_names = ("good", "missing", "bad")
    good = 1

    @property
    def bad(self):
        raise TimeoutError("no answer from the IOC")


def test_a_missing_component_is_passed_over_and_a_failing_one_is_named():
    iterator = iterate_components(Broken())
    assert next(iterator) == ("good", 1)
    with pytest.raises(ProfileError, match="Component 'bad' cannot be reached: no answer from the IOC"):
        next(iterator)
