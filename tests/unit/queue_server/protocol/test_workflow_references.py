"""References in the steps of a workflow are found where they stand, and replaced by values with their types."""

from __future__ import annotations

import pytest

from queue_server.protocol.workflow_references import fill_references, find_references


@pytest.mark.parametrize(
    ("text", "values", "filled"),
    [
        ("plain", {}, "plain"),
        ("$[[n]]", {"n": 3}, 3),
        ("$[[ n ]]", {"n": [1, {"a": None}]}, [1, {"a": None}]),
        ("$[[n]] points", {"n": 3}, "3 points"),
        ("$[[a]]$[[b]]", {"a": 1, "b": 2.5}, "12.5"),
        ("$[[a]] and $[[b]]", {"a": "x", "b": True}, "x and true"),
        ("<$[[a]]>", {}, "<>"),
        ("<$[[a]]>", {"a": {"b": ["é"]}}, '<{"b": ["é"]}>'),
        ("$[[fast?short:long]]", {"fast": True}, "short"),
        ("$[[fast?short:long]]", {"fast": False}, "long"),
        ("$[[fast?short:long]]", {}, "long"),
        ("$[[ fast ? short : a:b ]]!", {"fast": 0}, "a:b!"),
        ("$[[x?:]]", {"x": 1}, ""),
        ("]] $[ [n]]", {}, "]] $[ [n]]"),
    ],
)
def test_a_text_is_filled(text, values, filled):
    assert fill_references(text, values) == filled


def test_an_entry_without_a_value_is_left_out():
    step = {"args": ["a", "$[[b]]", "c"], "kwargs": {"x": "$[[b]]", "y": None, "z": {"deep": "$[[b]]"}}}
    assert fill_references(step, {}) == {"args": ["a", "c"], "kwargs": {"y": None, "z": {}}}
    assert fill_references("$[[b]]", {}) is None


def test_what_has_no_reference_is_returned_as_it_is():
    step = {"args": [[1, 2.0, True, None]], "kwargs": {"$": "$"}}
    assert fill_references(step, {"a": 1}) == step


def test_a_value_is_not_searched_for_references_again():
    assert fill_references("$[[a]]", {"a": "$[[b]]", "b": 1}) == "$[[b]]"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("none", []),
        ("$[[a]] $[[b?c:d]]", ["a", "b"]),
        ("$[[a", [None]),
        ("$[[a]] $[[b", ["a", None]),
        ("$[[]]", [None]),
        ("$[[a?b]]", [None]),
        ("$[[a $[[b]]", [None]),
    ],
)
def test_references_are_found_and_those_that_cannot_be_read(text, names):
    assert [found.name for found in find_references(text, "x")] == names


def test_places_are_told_as_paths():
    step = {"args": [["$[[a]]"]], "kwargs": {"b": "$[[b]]"}}
    assert [(found.path, found.name) for found in find_references(step, "steps[0]")] == [
        ("steps[0].args[0][0]", "a"),
        ("steps[0].kwargs.b", "b"),
    ]
