"""Devices of a happi database arrive in the namespace under the names that startup code gives them."""

from __future__ import annotations

import sys

import pytest

from device_worker.profile import ProfileError
from device_worker.profile.happi_devices import load_devices_from_happi

# What is used of happi, over a list of entries in place of a database.
HAPPI = """
from types import SimpleNamespace

ENTRIES = [("abc_motor", "ABC"), ("det", "ABC"), ("det", "DEF")]

class Client:
    @classmethod
    def from_config(cls):
        return cls()

    def search(self, *, name, **conditions):
        return [
            SimpleNamespace(item=SimpleNamespace(name=entry, beamline=beamline))
            for entry, beamline in ENTRIES
            if entry == name and conditions.get("beamline", beamline) == beamline
        ]

def from_container(item):
    return f"{item.name} of {item.beamline}"
"""


@pytest.fixture(autouse=True)
def happi(tmp_path, monkeypatch):
    """A happi whose database is known."""
    (tmp_path / "happi.py").write_text(HAPPI)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "happi", raising=False)
    yield
    sys.modules.pop("happi", None)


def test_devices_come_under_their_own_or_another_name():
    namespace = {"earlier": 1}
    names = load_devices_from_happi(["abc_motor", ("det", "diode")], namespace=namespace, beamline="ABC")
    assert names == ["abc_motor", "diode"]
    assert namespace == {"earlier": 1, "abc_motor": "abc_motor of ABC", "diode": "diode of ABC"}
    assert load_devices_from_happi([("abc_motor", "")], namespace=namespace) == ["abc_motor"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["nobody"], "no device with the name 'nobody'"),
        (["det"], "2 devices with the name 'det'"),
        ([5], "5 names no device"),
        ([("a", "b", "c")], "names no device"),
        ([("det", "not a name")], "names no device"),
        ("det", "give a list of names"),
    ],
)
def test_what_does_not_stand_for_one_device_changes_nothing(names, message):
    namespace = {}
    entries = names if isinstance(names, str) else ["abc_motor", *names]
    with pytest.raises(ProfileError, match=message):
        load_devices_from_happi(entries, namespace=namespace)
    assert namespace == {}
