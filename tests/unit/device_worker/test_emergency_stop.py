"""The link hands an order over and goes on; devices are stopped first, then the plan is ended with every means."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from device_worker.activity import Activity, Emergency
from device_worker.commands import Commands
from device_worker.emergency_stop import EmergencyStops
from queue_server.protocol.items import AttemptKey
from queue_server.protocol.worker_link import Continue, EmergencyStop, StopReport

KEY = AttemptKey("item", "submission", "default", 1, 1)
PATIENCE_S = 60


class Hardware:
    """Devices that stop at once, and a RunEngine that notes how it is told to end."""

    def __init__(self):
        self.ended = []
        self.told = threading.Condition()

    def begin_stops(self, movables):
        """Stop nothing, and say so."""
        return self

    def report(self, number, until_s):
        """Report at once."""
        return StopReport(order=number, stopped=("motor",))

    def end_plan(self, option, reason):
        """Note it."""
        with self.told:
            self.ended.append((option, reason))
            self.told.notify_all()

    def wait(self, *options):
        """Wait until the plan was ended in these ways."""
        with self.told:
            assert self.told.wait_for(lambda: [option for option, _ in self.ended] == [*options], PATIENCE_S)


class Told:
    """The reports that were sent."""

    def __init__(self):
        self.reports = []
        self.changed = threading.Condition()

    def tell(self, report):
        """Keep a report."""
        with self.changed:
            self.reports.append(report)
            self.changed.notify_all()

    def wait(self, *numbers):
        """Wait until these orders were reported on; return the reports."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.reports) >= len(numbers), PATIENCE_S)
        assert [report.order for report in self.reports] == [*numbers]
        return self.reports


class Nobody:
    """Hears no report."""

    def report(self, report):
        """Drop it."""

    def show_progress(self, progress):
        """Drop it."""

    def show_metadata(self, metadata):
        """Drop it."""


@pytest.fixture
def activity():
    activity = Activity()
    activity.open()
    return activity


@pytest.fixture
def commands(activity):
    return Commands("default", activity, Nobody())


@pytest.fixture
def hardware():
    return Hardware()


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def stops(activity, commands, told, hardware):
    stops = EmergencyStops(activity, commands, told.tell)
    stops.use(hardware)
    return stops


def order(number=1, devices_s=0.05, halt_after_s=0.1):
    return EmergencyStop(number=number, reason="smoke", devices_s=devices_s, halt_after_s=halt_after_s)


def test_without_a_plan_the_devices_are_stopped_and_told(stops, told, activity):
    stops.take(order(4))
    assert activity.emergency.reason == "smoke"
    assert told.wait(4) == [StopReport(order=4, stopped=("motor",))]


def test_a_plan_that_pauses_is_aborted_by_the_main_thread(stops, activity, commands, hardware):
    activity.accept(KEY)
    activity.enter("running")
    stops.take(order(devices_s=PATIENCE_S, halt_after_s=PATIENCE_S))
    assert commands.next_pause().option == "immediate"
    activity.enter("paused")
    assert commands.next_command() == Continue(attempt=KEY, option="abort")
    activity.end()
    assert hardware.ended == []


def test_a_plan_that_does_not_pause_is_aborted_and_then_halted(stops, activity, hardware):
    activity.accept(KEY)
    activity.enter("running")
    stops.take(order())
    hardware.wait("abort", "halt")
    assert hardware.ended[0] == ("abort", "emergency stop: smoke")
    assert activity.emergency.is_halting
    activity.end()


def test_a_repeat_stops_the_devices_again_and_ends_the_plan_once(stops, activity, hardware, told):
    activity.accept(KEY)
    activity.enter("running")
    stops.take(order(1))
    hardware.wait("abort", "halt")
    stops.take(order(2))
    told.wait(1, 2)
    assert activity.emergency.is_halting
    activity.end()
    assert len(hardware.ended) == 2


class MeetingHardware(Hardware):
    """Reports of so many orders are ready at the same moment."""

    def __init__(self, orders):
        super().__init__()
        self._meeting = threading.Barrier(orders)

    def report(self, number, until_s):
        """Wait for the others."""
        self._meeting.wait(PATIENCE_S)
        return super().report(number, until_s)


def test_of_orders_that_meet_only_one_ends_the_plan(stops, activity, told):
    orders = 16
    hardware = MeetingHardware(orders)
    stops.use(hardware)
    activity.accept(KEY)
    activity.enter("running")
    for number in range(orders):
        stops.take(order(number + 1))
    hardware.wait("abort", "halt")
    activity.end()
    with told.changed:
        assert told.changed.wait_for(lambda: len(told.reports) == orders, PATIENCE_S)
    assert [option for option, _ in hardware.ended] == ["abort", "halt"]


def test_an_attempt_that_ended_meanwhile_does_not_take_the_clean_up_of_the_next_one(activity):
    activity.accept(KEY)
    activity.stop(Emergency("smoke"))
    activity.accept(replace(KEY, number=2))
    assert not activity.halt(KEY, "smoke")
    assert activity.emergency is None


def test_a_repeat_does_not_give_a_plan_that_is_halted_its_clean_up_back(activity):
    activity.accept(KEY)
    activity.stop(Emergency("smoke"))
    assert activity.halt(KEY, "smoke")
    activity.stop(Emergency("fire"))
    assert activity.emergency == Emergency("fire", is_halting=True)


def test_the_next_attempt_may_move_again(stops, activity, told):
    stops.take(order())
    told.wait(1)
    activity.accept(KEY)
    assert activity.emergency is None


def test_before_the_environment_is_open_nothing_is_known_and_that_is_told(activity, commands, told):
    EmergencyStops(activity, commands, told.tell).take(order())
    assert told.wait(1) == [StopReport(order=1)]
