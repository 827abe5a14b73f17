"""Words become values: JSON first, then Python literals."""

from __future__ import annotations

import pytest

from queue_server.compat.qserver_values import read_map, read_text, read_value, read_yaml
from queue_server.protocol.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("True", True),
        ("null", None),
        ("None", None),
        ("1e3", 1000.0),
        ("[1, 'a', None]", [1, "a", None]),
        ("(1, (2,))", [1, [2]]),
        ("{1: {2, }}", {"1": [2]}),
        ('{"a": null, "b": "\\u00e9"}', {"a": None, "b": "é"}),
        ("  {'a': 0x10} ", {"a": 16}),
    ],
)
def test_a_value_is_json_or_a_literal(text, value):
    assert read_value(text) == value


@pytest.mark.parametrize(
    "text", ["word", "", "__import__('os')", "[1", "NaN", "Infinity", "1e999", "[1e999]", "b'x'", "1j", "[" * 100_000]
)
def test_what_cannot_be_sent_is_no_value(text):
    with pytest.raises(ValueError, match="neither JSON nor a Python literal"):
        read_value(text)


def test_a_map_is_asked_for_with_an_example():
    assert read_map("{'name': 'count'}", "plan") == {"name": "count"}
    with pytest.raises(ParameterError, match=r"The plan must be a map like '\{\"name\"") as caught:
        read_map("[]", "plan")
    assert caught.value.field == "plan"


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "script.py"
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ParameterError, match="The script cannot be read from"):
        read_text(str(path), "script")


def test_whatever_a_yaml_file_holds_goes_to_the_manager(tmp_path):
    path = tmp_path / "permissions.yaml"
    for text, value in (("user_groups: {root: {}}", {"user_groups": {"root": {}}}), ("just words", "just words")):
        path.write_text(text)
        assert read_yaml(str(path), "permissions") == value


@pytest.mark.parametrize(("text", "problem"), [("a: [", "are not YAML"), ("day: 2026-01-01", "a date cannot be sent")])
def test_a_yaml_file_that_cannot_be_sent_is_refused(tmp_path, text, problem):
    path = tmp_path / "permissions.yaml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=problem) as caught:
        read_yaml(str(path), "permissions")
    assert caught.value.field == "permissions"
