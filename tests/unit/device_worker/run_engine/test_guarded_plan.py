"""A plan moves what it likes until an emergency stop; afterwards it cleans up without moving anything."""

from __future__ import annotations

import pytest
from bluesky import Msg
from bluesky.utils import PlanHalt

from device_worker.activity import Activity, Emergency
from device_worker.movables import Movables
from device_worker.run_engine.guarded_plan import MotionRefusedError, make_guard


@pytest.fixture
def activity():
    return Activity()


@pytest.fixture
def movables():
    return Movables()


@pytest.fixture
def guard(activity, movables):
    return make_guard(activity, movables)


def test_every_message_passes_and_what_moves_is_noted(guard, movables):
    motor = object()

    def plan():
        assert (yield Msg("null")) == 1
        yield Msg("set", motor, 5)
        return "result"

    def outer():
        return (yield from guard(plan()))

    running = outer()
    assert running.send(None).command == "null"
    assert running.send(1).command == "set"
    assert [movable.device for movable in movables.list()] == [motor]
    with pytest.raises(StopIteration) as end:
        running.send(None)
    assert end.value.value == "result"


def test_after_a_stop_the_clean_up_runs_and_moves_nothing(guard, activity):
    done = []

    def plan():
        try:
            yield Msg("null")
        finally:
            try:
                yield Msg("set", object(), 0)
            except MotionRefusedError as refusal:
                done.append(str(refusal))
            yield Msg("unstage")

    guarded = guard(plan())
    guarded.send(None)
    activity.stop(Emergency("smoke"))
    assert guarded.throw(ValueError()).command == "unstage"
    assert "smoke" in done[0]


def test_a_plan_that_is_halted_gets_no_message_through(guard, activity):
    def plan():
        try:
            yield Msg("null")
        finally:
            yield Msg("unstage")

    guarded = guard(plan())
    guarded.send(None)
    activity.stop(Emergency("smoke", is_halting=True))
    with pytest.raises(PlanHalt):
        guarded.throw(ValueError())


def test_a_plan_that_tries_again_for_ever_is_halted(guard, activity):
    def plan():
        while True:
            try:
                yield Msg("set", object(), 0)
            except MotionRefusedError:
                continue

    activity.stop(Emergency("smoke"))
    with pytest.raises(PlanHalt):
        guard(plan()).send(None)


def test_closing_it_closes_the_plan(guard):
    closed = []

    def plan():
        try:
            yield Msg("null")
        finally:
            closed.append(True)

    guarded = guard(plan())
    guarded.send(None)
    guarded.close()
    assert closed == [True]
