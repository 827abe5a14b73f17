import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_server.cli.values import (
    describe_call,
    item_of,
    items_of,
    read_call,
    read_keyword,
    read_keywords,
    read_value,
)
from queue_server.protocol.errors import ParameterError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=6,
)


@given(PLAIN)
def test_whatever_json_can_say_is_read_back(value):
    assert read_value(json.dumps(value)) == value


@given(st.lists(st.none() | st.booleans() | st.integers() | st.text(), max_size=5))
def test_whatever_a_python_list_can_say_is_read_back(value):
    assert read_value(repr(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-1.5e3", -1500.0),
        ("true", True),
        ("True", True),
        ("null", None),
        ("None", None),
        ('"5"', "5"),
        ("'5'", "5"),
        ("(1, 2)", [1, 2]),
        ("{'a': (1,)}", {"a": [1]}),
        ("det1", "det1"),
        ("sim_bundle_A.mtrs.x", "sim_bundle_A.mtrs.x"),
        ("2026-01-31", "2026-01-31"),
        ("1+2j", "1+2j"),
        ("b'x'", "b'x'"),
        ("NaN", "NaN"),
        ("", ""),
        ("two words", "two words"),
    ],
)
def test_a_word_is_json_else_python_else_itself(text, value):
    read = read_value(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["[det1, det2]", "{a: 1}", "(det1,", "[1, 2"])
def test_brackets_around_bare_names_are_refused_with_the_fix(text):
    with pytest.raises(ParameterError, match="quotes"):
        read_value(text)


@pytest.mark.parametrize(
    ("word", "pair"),
    [
        ("num=5", ("num", 5)),
        ("md={}", ("md", {})),
        ("a=b=c", ("a", "b=c")),
        ("x=", ("x", "")),
        ("motor1", None),
        ("5=5", None),
        ("=5", None),
        ("a-b=5", None),
        ('"a=b"', None),
    ],
)
def test_a_keyword_is_an_identifier_before_the_first_equals_sign(word, pair):
    assert read_keyword(word) == pair


def test_keywords_are_collected():
    assert read_keywords(["a=1", "b=two"]) == {"a": 1, "b": "two"}


@pytest.mark.parametrize("words", [["a"], ["a=1", "a=2"]])
def test_words_that_are_no_keywords_and_repeated_ones_are_refused(words):
    with pytest.raises(ParameterError, match="a"):
        read_keywords(words)


def test_a_call_has_devices_first_then_values_then_keywords():
    assert read_call(["motor1", "0", "10", "num=101"], ["det1"]) == ([["det1"], "motor1", 0, 10], {"num": 101})


@pytest.mark.parametrize("devices", [["det1", "det2"], ["det1,det2"], ["det1,", ",det2"]])
def test_devices_may_be_repeated_or_joined_by_commas(devices):
    assert read_call([], devices) == ([["det1", "det2"]], {})


def test_a_call_without_devices_begins_with_its_values():
    assert read_call(["1"]) == ([1], {})


def test_a_value_behind_a_keyword_is_refused():
    with pytest.raises(ParameterError, match="'5' stands behind"):
        read_call(["num=1", "5"])


@pytest.mark.parametrize("content", [{"name": "count"}, {"item": {"name": "count"}}])
def test_an_item_from_a_file_is_a_plan_unless_it_says_otherwise(content):
    assert item_of(content, "a.yaml") == {"item_type": "plan", "name": "count"}


def test_an_item_from_a_file_keeps_its_type():
    item = {"item_type": "instruction", "name": "queue_stop"}
    assert item_of(item, "a.yaml") == item


@pytest.mark.parametrize("content", [None, [], "count", {}, {"name": 5}])
def test_what_is_no_item_names_the_file_and_shows_an_example(content):
    with pytest.raises(ParameterError, match=r"a\.yaml is not an item.*name: count"):
        item_of(content, "a.yaml")


@pytest.mark.parametrize("wrap", [lambda items: items, lambda items: {"items": items}])
def test_items_from_a_file_are_a_list_or_a_map_with_one(wrap):
    assert items_of(wrap([{"name": "count"}, {"name": "scan"}]), "a.yaml") == [
        {"item_type": "plan", "name": "count"},
        {"item_type": "plan", "name": "scan"},
    ]


@pytest.mark.parametrize("content", [None, [], {}, {"items": []}, "count"])
def test_a_file_without_items_is_refused(content):
    with pytest.raises(ParameterError, match=r"a\.yaml holds no list"):
        items_of(content, "a.yaml")


def test_a_wrong_item_in_a_file_is_named_by_its_number():
    with pytest.raises(ParameterError, match="item 2"):
        items_of([{"name": "count"}, {}], "a.yaml")


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"name": "null"}, "null()"),
        ({"name": "count", "args": [["det1", "det2"]], "kwargs": {"num": 5}}, "count([det1, det2], num=5)"),
        ({"name": "mv", "args": ["motor", 1.5, "two words"]}, "mv(motor, 1.5, 'two words')"),
        ({"name": "a", "kwargs": {"md": {"x": ["y", None]}}}, "a(md={x: [y, None]})"),
        ({"name": "a", "args": None, "kwargs": None}, "a()"),
        ({}, "?()"),
    ],
)
def test_an_item_is_shown_as_a_call(item, text):
    assert describe_call(item) == text
