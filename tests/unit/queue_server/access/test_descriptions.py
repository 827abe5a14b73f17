"""Expanding the name lists of plan descriptions to what a group may use."""

from __future__ import annotations

import copy
import logging

import pytest

from queue_server.access.descriptions import Expansion
from queue_server.access.devices import filter_devices, list_names
from queue_server.access.patterns import parse_device_pattern


@pytest.fixture
def expand(beamline, describe_plan, describe_parameter):
    """Expand one list of a section for a group that may use all devices but ``det2``, and two plans."""
    devices = filter_devices(beamline, None, [parse_device_pattern("det2")])
    expansion = Expansion(devices, list_names(devices), ["count", "scan"])

    def run(section, members):
        plan = describe_plan("p", describe_parameter("x", "list[T]", lists={section: {"T": members}}))
        before = copy.deepcopy(plan)
        expanded = expansion.expand(plan)
        assert plan == before
        return expanded["parameters"][0]["annotation"][section]["T"]

    return run


def test_plain_names_keep_their_order_and_lose_what_is_not_allowed(expand):
    assert expand("devices", ["motor", "det2", "det1", "nothing", "stage.mtrs.x"]) == ["motor", "det1", "stage.mtrs.x"]
    assert expand("plans", ["scan", "fly", "count"]) == ["scan", "count"]


def test_patterns_become_the_sorted_names_that_the_group_may_use(expand):
    assert expand("devices", ["motor", ":^det", ":-^stage$:mtrs", "det1"]) == ["det1", "motor", "stage.mtrs"]
    assert expand("plans", [":.*"]) == ["count", "scan"]


def test_a_plain_name_beside_patterns_must_be_allowed_too(expand):
    assert expand("devices", ["det2", ":^flyer"]) == ["flyer"]


def test_names_are_sorted_without_regard_to_case(describe_device, describe_plan, describe_parameter):
    devices = {name: describe_device() for name in "bAaB"}
    plan = describe_plan("p", describe_parameter("x", "T", lists={"devices": {"T": [":^.$"]}}))
    expanded = Expansion(devices, list_names(devices), []).expand(plan)
    assert expanded["parameters"][0]["annotation"]["devices"]["T"] == ["A", "a", "B", "b"]


def test_enumerated_values_stay_as_they_are(expand):
    assert expand("enums", ("b", ":^a", 5)) == ["b", ":^a", 5]


def test_equal_lists_are_worked_out_once(expand):
    assert expand("devices", [":?.*"]) is expand("devices", [":?.*"])


def test_a_bad_entry_is_left_out_and_logged(expand, caplog):
    with caplog.at_level(logging.WARNING):
        assert expand("devices", [":(", ":^det", 5]) == ["det1"]
    assert "bad regular expression" in caplog.text


def test_entries_that_are_no_texts_are_left_out(expand):
    assert expand("devices", [["det1"], "motor"]) == ["motor"]
    assert expand("devices", "motor") == []


@pytest.mark.parametrize(
    "description",
    [
        {"name": "p"},
        {"name": "p", "parameters": "x"},
        {"name": "p", "parameters": [5, {"name": "x"}, {"name": "y", "annotation": {"type": "int"}}]},
        {"name": "p", "parameters": [{"name": "x", "annotation": {"type": "T", "devices": ["det1"]}}]},
    ],
)
def test_a_description_without_lists_stays_as_it_is(description):
    assert Expansion({}, [], []).expand(description) == description
