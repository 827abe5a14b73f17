"""An error of ophyd that names a device alone is told with the process variables that it is about."""

from __future__ import annotations

import pytest
from ophyd import Component, Device, Signal
from ophyd.utils.epics_pvs import raise_if_disconnected
from ophyd.utils.errors import DisconnectedError

from device_worker.run_engine.outcome import describe_failure
from device_worker.run_engine.variables import list_unconnected


class Variable(Signal):
    """A signal with the names that signals of EPICS have, and with a connection that a test decides about."""

    def __init__(self, prefix="", *, missing=True, **kwargs):
        super().__init__(**kwargs)
        self._missing = missing
        self.pvname = prefix
        self.setpoint_pvname = f"{prefix}:SET"

    @property
    def connected(self):
        return not self._missing

    @raise_if_disconnected
    def read_it(self):
        return 5


class Axis(Device):
    """A device of a variable that is there and one that is missing."""

    there = Component(Variable, "AXIS:THERE", missing=False)
    missing = Component(Variable, "AXIS:MISSING")

    @raise_if_disconnected
    def move_it(self):
        return 5


def error_of(function):
    with pytest.raises(DisconnectedError) as caught:
        function()
    return caught.value


def test_the_variables_of_a_signal_are_named_in_the_message():
    error = error_of(Variable("LOST", name="lost").read_it)
    assert describe_failure(error).message == (
        "ophyd.utils.errors.DisconnectedError: lost is not connected (process variable LOST, LOST:SET)"
    )


def test_only_the_missing_variables_of_a_device_are_named():
    assert list_unconnected(error_of(Axis(name="axis").move_it)) == ["AXIS:MISSING", "AXIS:MISSING:SET"]


def test_an_error_without_a_signal_is_left_as_it_is():
    def raise_it():
        raise DisconnectedError("the cable is out")

    assert describe_failure(error_of(raise_it)).message == "ophyd.utils.errors.DisconnectedError: the cable is out"
    assert list_unconnected(ValueError("no beam")) == []
    assert list_unconnected(DisconnectedError("never raised")) == []
