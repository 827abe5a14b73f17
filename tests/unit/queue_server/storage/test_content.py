"""JSON as it is stored: equal when it comes back."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from queue_server.protocol.errors import ParameterError
from queue_server.storage.content import decode, decode_all, encode

PLAIN = {"item_type": "plan", "args": [["det"], 1, 0.1, None, True], "kwargs": {"text": "a, b: null \u00b5"}}
EXTENDED = {"large": 2**70, "low": -(2**64), "infinite": [float("inf"), -float("inf")], "plain": [1, "x"]}


@pytest.mark.parametrize("value", [{}, PLAIN, EXTENDED])
def test_a_value_comes_back_equal(value):
    assert decode(encode(value)) == value


def test_many_values_come_back_in_order():
    assert decode_all([]) == []
    assert decode_all([encode(PLAIN), encode({})]) == [PLAIN, {}]
    assert decode_all([encode(PLAIN), encode(EXTENDED), encode({})]) == [PLAIN, EXTENDED, {}]


def test_plain_values_are_json_that_any_program_reads():
    assert encode({"a": [1, None]}) == '{"a":[1,null]}'


@pytest.mark.parametrize("place", [lambda x: {"a": x}, lambda x: {"a": [[x]]}, lambda x: {"a": ({"b": x},)}])
def test_a_number_that_is_not_finite_is_found_at_any_depth(place):
    found = decode(encode(place(float("inf"))))
    assert "inf" in repr(found)


def test_mappings_of_other_types_come_back_as_dictionaries():
    assert decode(encode({"a": MappingProxyType({"b": 1})})) == {"a": {"b": 1}}
    assert decode(encode({"a": MappingProxyType({"b": 2**70})})) == {"a": {"b": 2**70}}


def _circle():
    value = {}
    value["self"] = value
    return value


@pytest.mark.parametrize("value", [{"a": b"raw"}, {"a": {1, 2}}, {"a": object()}, _circle()])
def test_what_json_does_not_know_is_refused(value):
    with pytest.raises(ParameterError, match="cannot be stored as JSON"):
        encode(value)
