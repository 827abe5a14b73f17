from __future__ import annotations

import re

import pytest
import yaml

from device_worker import sim

GROUPS = yaml.safe_load((sim.DIRECTORY / "user_group_permissions.yaml").read_text())["user_groups"]
SECTIONS = ("allowed_plans", "forbidden_plans", "allowed_devices", "forbidden_devices")


def test_the_documented_groups_have_all_lists():
    assert set(GROUPS) == {"root", "primary", "test_user"}
    for group in GROUPS.values():
        assert {*SECTIONS, "allowed_functions", "forbidden_functions"} == group.keys()
        assert all(isinstance(entry, str) or entry is None for entries in group.values() for entry in entries)


def _allows(group, kind, name):
    def fits(section, empty):
        entries = GROUPS[group][f"{section}_{kind}"]
        return any(empty if entry is None else _matches(entry, name) for entry in entries)

    return fits("allowed", True) and not fits("forbidden", False)


def _matches(entry, name):
    return re.search(entry[1:], name) is not None if entry.startswith(":") else entry == name


@pytest.mark.parametrize(
    ("group", "name", "allowed"),
    [
        ("root", "count", True),
        ("root", "_sim_plan_inner", False),
        ("primary", "failing_count", True),
        ("test_user", "count", True),
        ("test_user", "grid_scan", True),
        ("test_user", "adaptive_scan", False),
        ("test_user", "mv", False),
    ],
)
def test_plans_are_allowed_as_the_groups_say(group, name, allowed):
    assert _allows(group, "plans", name) is allowed


@pytest.mark.parametrize(
    ("group", "name", "allowed"),
    [
        ("root", "_private", False),
        ("primary", "function_sleep", True),
        ("primary", "clear_buffer", False),
        ("test_user", "clear_buffer", True),
        ("test_user", "push_buffer_element", True),
    ],
)
def test_functions_are_allowed_as_the_groups_say(group, name, allowed):
    assert _allows(group, "functions", name) is allowed
