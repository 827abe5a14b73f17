"""Forms of values: what they accept, and what they say about the rest."""

from __future__ import annotations

import pytest

from queue_server.access.shapes import (
    ANYTHING,
    BOOL,
    BYTES,
    FLOAT,
    HASHABLE,
    INT,
    NOTHING,
    TEXT,
    Constant,
    Either,
    Fixed,
    Many,
    Name,
    Table,
    unite,
)

INTS = Many(INT)


def explain(shape, value):
    return [(error.field, error.given, error.accepted) for error in shape.explain(value, "x")]


@pytest.mark.parametrize(
    ("shape", "accepted", "refused"),
    [
        (INT, [0, -5, 2**70], [True, 1.0, "1", None, [1]]),
        (FLOAT, [1, 1.5, float("inf")], [True, "1", None]),
        (BOOL, [True, False, 0, 1], [2, 1.0, "true", None]),
        (TEXT, ["", "a"], [b"a", 5, None]),
        (BYTES, [b"a", bytearray(b"a")], ["a", [1]]),
        (NOTHING, [None], [0, "", []]),
        (HASHABLE, ["a", 5, None, (1,)], [[1], {"a": 1}]),
        (ANYTHING, [None, 1, {"a": [1]}], []),
        (Name(["det1"]), ["det1"], ["det2", 5, ["det1"], None]),
        (Constant((1, "a")), [1, "a"], [True, 1.0, "b"]),
        (INTS, [[], [1], (1, 2), {3}], [[1.0], 5, "12", {"a": 1}, None]),
        (Many(TEXT, keys=True), [["a"], {"a": 5}], [{5: 5}, "a"]),
        (Many(ANYTHING, letters=True), ["abc", [1]], [5, {"a": 1}]),
        (Fixed((INT, TEXT)), [[1, "a"], (1, "a")], [[1], [1, "a", 2], ["a", 1], "ab", {"a": 1}]),
        (Table(TEXT, INT), [{}, {"a": 1}], [{"a": "1"}, {1: 1}, [1], None]),
        (Either((INT, NOTHING)), [1, None], ["a", 1.5]),
    ],
)
def test_a_form_accepts_its_values_and_explains_all_others(shape, accepted, refused):
    for value in accepted:
        assert shape.accepts(value)
        assert explain(shape, value) == []
    for value in refused:
        assert not shape.accepts(value)
        assert explain(shape, value) != []


def test_each_wrong_item_of_a_list_is_found_at_its_place():
    assert explain(INTS, [1, "a", 2, 1.5]) == [("x[1]", "'a'", "int"), ("x[3]", "1.5", "int")]


def test_each_wrong_place_of_a_tuple_is_found():
    assert explain(Fixed((INT, TEXT)), ["a", 1]) == [("x[0]", "'a'", "int"), ("x[1]", "1", "str")]


def test_wrong_keys_and_values_of_a_map_are_found():
    assert explain(Table(TEXT, INT), {5: "a"}) == [("key of x[5]", "5", "str"), ("x[5]", "'a'", "int")]


def test_a_list_inside_a_list_is_found_by_its_path():
    assert explain(Many(INTS), [[1], [2, None]]) == [("x[1][1]", "None", "int")]


def test_a_choice_explains_by_the_only_form_of_the_same_nature():
    shape = Either((NOTHING, INTS, Table(TEXT, TEXT)))
    assert explain(shape, [1, "a"]) == [("x[1]", "'a'", "int")]
    assert explain(shape, {"k": 1}) == [("x['k']", "1", "str")]


def test_a_choice_names_all_forms_if_none_is_near():
    assert explain(Either((INT, NOTHING)), "a") == [("x", "'a'", "int or None")]
    two_lists = Either((Many(Name(["a"])), Many(Name(["b"]))))
    assert explain(two_lists, ["c"]) == [("x", "['c']", "a list of (one of a) or a list of (one of b)")]


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (Many(ANYTHING), "a list"),
        (Table(ANYTHING, ANYTHING), "a map"),
        (Table(TEXT, INT), "a map from (str) to (int)"),
        (Fixed((INT, TEXT)), "a list of exactly 2: (int, str)"),
        (Constant((1, "a")), "one of 1, 'a'"),
        (Constant(("a",)), "'a'"),
        (Constant(tuple(range(20))), "one of 0, 1, 2, 3, 4, 5, 6, 7, ..."),
        (Name(["m"], "a device: "), "a device: one of m"),
    ],
)
def test_a_form_says_in_words_what_it_accepts(shape, text):
    assert shape.text == text


def test_united_forms_are_flat():
    assert unite([Either((INT, TEXT)), NOTHING]) == Either((INT, TEXT, NOTHING))


def test_one_form_united_is_itself():
    assert unite([INT]) is INT


@pytest.mark.parametrize("options", [[], [INT, ANYTHING]])
def test_anything_among_the_forms_accepts_anything(options):
    assert unite(options) is ANYTHING
