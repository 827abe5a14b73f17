"""Everything that moves is found, and nothing twice; what plans have set comes first."""

from __future__ import annotations

from ophyd.sim import hw

from device_worker.movables import Movable, Movables, find_movables


class Thing:
    """Has what a test gives it."""

    def __init__(self, **has):
        self.__dict__.update(has)


def nothing(*_, **__):
    return None


def names(device, name="thing"):
    return [movable.name for movable in find_movables(name, device)]


def test_motors_and_flyers_of_ophyd_move_and_detectors_do_not():
    hardware = vars(hw())
    found = {name for name, device in hardware.items() if names(device, name)}
    assert {"motor", "motor1", "flyer1", "pseudo3x3", "sig"} <= found
    assert not {"det", "det1", "ab_det"} & found


def test_a_table_that_does_not_move_is_looked_through():
    inner = Thing(children=lambda: [("x", Thing(set=nothing, stop=nothing))])
    assert names(Thing(children=lambda: [("inner", inner)])) == ["thing.inner.x"]


def test_a_device_with_a_stop_answers_for_its_parts_and_one_without_does_not():
    part = Thing(set=nothing, stop=nothing)
    assert names(Thing(set=nothing, stop=nothing, children=lambda: [("part", part)])) == ["thing"]
    assert names(Thing(set=nothing, children=lambda: [("part", part)])) == ["thing", "thing.part"]


def test_signals_inside_of_devices_are_no_devices():
    assert names(Thing(children=lambda: [("signal", Thing(set=nothing))])) == []


def test_a_device_that_is_its_own_part_is_not_followed_for_ever():
    device = Thing(children=lambda: [("again", device)])
    assert names(device) == []


def test_what_was_set_comes_first_and_each_device_once():
    first, second = Thing(set=nothing), Thing(set=nothing)
    movables = Movables()
    movables.replace([Movable("a", first), Movable("b", second), Movable("alias", first)])
    movables.touch(second)
    movables.touch(Thing(name="made by a plan"))
    assert [movable.name for movable in movables.list()] == ["b", "made by a plan", "a"]
