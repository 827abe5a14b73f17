"""The compact form of the list file is JSON for those who know it, and YAML for all others."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from queue_server.protocol.list_file import make_plain, parse_lists, render_lists

ODD = 'é \x7f\x85\u2028\u2029\ufeff😀 "quoted" \\ \t\n\x00\x1b / x: y # z - [a]'
PLANS: dict[str, Any] = {
    "count": {"name": "count", "parameters": [{"kind": {"value": 1}, "default": "1e5"}]},
    "null": {"description": ODD, "nothing": None, "is": True, "none": [], "empty": {}},
}
DEVICES: dict[str, Any] = {"yes": {"components": {"1": {}}}}


def test_both_readings_say_what_was_written():
    text = render_lists(PLANS, DEVICES)
    expected = {"existing_plans": PLANS, "existing_devices": DEVICES}
    assert parse_lists(text.encode()) == expected
    assert yaml.safe_load(text) == expected
    assert yaml.load(text, Loader=yaml.CSafeLoader) == expected


def test_empty_lists_can_be_written():
    assert parse_lists(render_lists({}, {}).encode()) == {"existing_plans": {}, "existing_devices": {}}


def test_each_entry_has_a_line_of_its_own():
    lines = render_lists(PLANS, DEVICES).splitlines()
    assert sum(line.startswith(('"count": ', '"null": ', '"yes": ')) for line in lines) == 3


@pytest.mark.parametrize("text", [b"", b"existing_plans: {}", b"[1]", b"# only a comment", b"{", b"\xff"])
def test_anything_else_is_left_to_a_reader_of_yaml(text):
    assert parse_lists(text) is None


def test_plain_values_are_what_a_reader_gets():
    assert make_plain({"a": ({1: "x"},)}) == {"a": [{"1": "x"}]}
