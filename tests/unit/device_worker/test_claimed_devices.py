"""What an item has claimed: devices of the namespace with all their parts, and nothing else is a device."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from device_worker.claimed_devices import ClaimedDevices


def part_of(parent=None):
    return SimpleNamespace(parent=parent)


@pytest.fixture
def stage():
    return part_of()


@pytest.fixture
def claimed(stage):
    claimed = ClaimedDevices()
    claimed.note({"stage": stage, "also_stage": stage, "det": part_of()})
    return claimed


def test_without_claims_everything_may_be_used(claimed, stage):
    with claimed.limited_to(None):
        assert not claimed.is_limited
        assert claimed.find_objection(stage) == ""


def test_a_device_is_claimed_with_its_parts_and_under_each_of_its_names(claimed, stage):
    for name in ("stage", "also_stage"):
        with claimed.limited_to((name,)):
            assert claimed.find_objection(stage) == ""
            assert claimed.find_objection(part_of(part_of(stage))) == ""


def test_a_part_that_has_a_name_of_its_own_may_be_claimed_alone(stage):
    motor = part_of(stage)
    claimed = ClaimedDevices()
    claimed.note({"stage": stage, "motor": motor})
    with claimed.limited_to(["motor"]):
        assert claimed.find_objection(motor) == ""
        assert "'stage'" in claimed.find_objection(stage)


def test_the_objection_names_the_device_the_claims_and_what_helps(claimed, stage):
    with claimed.limited_to(["det", "robot"]):
        text = claimed.find_objection(part_of(stage))
    assert "'also_stage'" in text
    assert "it claims: det, robot" in text
    assert "annotation" in text


def test_with_no_claim_at_all_no_device_may_be_used(claimed, stage):
    with claimed.limited_to(()):
        assert "it claims: nothing" in claimed.find_objection(stage)


def test_what_is_no_device_of_the_namespace_passes(claimed):
    itself = part_of()
    itself.parent = itself
    with claimed.limited_to(()):
        assert [claimed.find_objection(used) for used in (None, "text", part_of(), itself)] == ["", "", "", ""]


def test_the_claims_end_with_the_item(claimed, stage):
    with pytest.raises(ValueError, match="a reason"), claimed.limited_to(()):
        raise ValueError("a reason")
    assert not claimed.is_limited
    assert claimed.find_objection(stage) == ""
