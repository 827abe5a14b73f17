"""No more devices are followed than may be, and what was refused is followed once there is room."""

from __future__ import annotations

import threading

import pytest

from device_worker.device_values.followers import Followers
from device_worker.profile import ProfileError
from queue_server.clock import SystemClock
from queue_server.protocol.device_values import MOST_WATCHED

PATIENCE_S = 60


class Nothing:
    """An environment without devices."""

    def __init__(self, loop):
        self.loop = loop

    def find_device(self, name):
        raise ProfileError(f"There is no device {name!r} in this environment")


class Told:
    """What is told of devices, taken whenever there is something."""

    def __init__(self):
        self._woken = threading.Event()
        self.followers = Followers(SystemClock(), self._woken.set)
        self.errors = {}

    def wait_for(self, device, text):
        """Wait until the error of a device says this."""
        while text not in self.errors.get(device, ""):
            due_s = self.followers.due_s()
            left_s = PATIENCE_S if due_s is None else max(0.0, due_s - SystemClock().monotonic())
            assert self._woken.wait(left_s) or due_s is not None
            self._woken.clear()
            self.errors |= {name: content[3] for name, content in self.followers.take_due()}


@pytest.fixture
def told(loop):
    told = Told()
    told.followers.use(Nothing(loop))
    return told


def test_one_device_too_many_is_refused_and_followed_when_another_one_has_gone(told):
    for number in range(MOST_WATCHED):
        told.followers.want(f"m{number}")
    told.wait_for("m0", "There is no device")
    told.followers.want("one_more")
    told.wait_for("one_more", f"{MOST_WATCHED} devices")
    told.followers.unwant("m0")
    for thread in threading.enumerate():
        if thread.name == "values of m0":
            thread.join(PATIENCE_S)
    told.followers.repeat("one_more")
    told.wait_for("one_more", "There is no device")


def test_what_nobody_wants_any_more_is_not_told(told):
    told.followers.want("m")
    told.wait_for("m", "There is no device")
    told.followers.repeat("m")
    told.followers.unwant("m")
    assert told.followers.due_s() is None
    assert list(told.followers.take_due()) == []
