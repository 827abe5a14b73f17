from __future__ import annotations

from typing import Any

import pytest

from device_worker.profile import ProfileError, StartupSource, describe_profile, load_profile

_DEVICES = """
from device_worker.profile.registration import register_device, register_plan
from ophyd import Component, Device, Signal

class Part(Device):
    signal = Component(Signal)

class Whole(Device):
    part = Component(Part)

deep, shallow, hidden, plain = Whole(name="deep"), Whole(name="s"), Whole(name="h"), Whole(name="p")
register_device("deep", depth=0)
register_device("shallow", depth=1)
register_device("hidden", exclude=True)
register_device("missing")
register_plan("secret", exclude=True)

def secret():
    yield

def public():
    yield
"""


def test_startup_code_decides_what_is_listed_and_how_deep(load, caplog):
    descriptions = describe_profile(load(_00_first=_DEVICES))
    assert set(descriptions.plans) == {"public"}
    devices: Any = descriptions.devices
    assert set(devices) == {"deep", "shallow", "plain"}
    assert "signal" in devices["deep"]["components"]["part"]["components"]
    assert "components" not in devices["shallow"]
    assert "registers 'missing' as a device" in caplog.text


def test_registrations_of_an_earlier_profile_are_forgotten(load, tmp_path):
    load(_00_first=_DEVICES)
    path = tmp_path / "second.py"
    path.write_text("def secret():\n    yield\n")
    assert set(describe_profile(load_profile(StartupSource.from_file(path))).plans) == {"secret"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("register_plan('no name')", "'no name' is registered as a plan"),
        ("register_device('a.b')", "'a.b' is registered as a device"),
        ("register_device(5)", "5 is registered as a device"),
        ("register_device('a', depth=-1)", "depth -1"),
        ("register_device('a', depth='2')", "depth '2'"),
    ],
)
def test_a_wrong_registration_fails_the_startup_code(load, call, message):
    with pytest.raises(ProfileError, match=message):
        load(_00_first=f"from device_worker.profile.registration import *\n{call}")
