from __future__ import annotations

import json

import pytest

from device_worker.profile import DescribeOptions, DescriptionError, describe_profile

_CODE = """
from bluesky.plans import count
from ophyd.sim import det, SynAxis

def good(a: int = 1):
    yield

def bad(detector=det):
    yield
"""


def test_a_plan_that_cannot_be_described_fails_the_profile_unless_it_is_to_be_ignored(load, caplog):
    profile = load(_00_first=_CODE)
    with pytest.raises(DescriptionError, match="Plan 'bad' cannot be described: parameter 'detector'"):
        describe_profile(profile)
    descriptions = describe_profile(profile, DescribeOptions(ignore_invalid_plans=True))
    assert list(descriptions.plans) == ["count", "good"]
    assert list(descriptions.devices) == ["det"]
    assert "Plan 'bad' cannot be described" in caplog.text


def test_the_depth_of_devices_is_an_option(load):
    profile = load(_00_first="from ophyd.sim import det")
    assert "components" in describe_profile(profile).devices["det"]
    assert "components" not in describe_profile(profile, DescribeOptions(device_max_depth=1)).devices["det"]


def test_descriptions_are_plain_data(load):
    descriptions = describe_profile(load(_00_first="from bluesky.plans import *\nfrom ophyd.sim import det, motor"))
    for described in (descriptions.plans, descriptions.devices):
        assert json.loads(json.dumps(described)) == described
