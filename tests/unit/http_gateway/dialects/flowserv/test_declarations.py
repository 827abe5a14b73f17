"""Declarations of parameters, shown to clients and read from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_gateway.dialects.flowserv.declarations import read_parameters, read_range
from http_gateway.dialects.flowserv.parameters import show_parameters, show_range
from queue_server.protocol.errors import ParameterError
from tests.doubles.flowserv_client import read_parameters as read_with_client
from tests.doubles.flowserv_manager import PARAMETERS

NUMBERS = st.none() | st.integers(-1000, 1000) | st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@given(NUMBERS, NUMBERS, st.booleans(), st.booleans())
def test_a_range_is_read_back_and_means_the_same_to_the_client(low, high, is_open_below, is_open_above):
    bounds = {
        ("exclusive_minimum" if is_open_below else "minimum"): low,
        ("exclusive_maximum" if is_open_above else "maximum"): high,
    }
    bounds = {name: value for name, value in bounds.items() if value is not None}
    text = show_range(bounds)
    assert bool(text) == bool(bounds)
    if text:
        assert read_range(text) == bounds


def test_of_two_bounds_on_one_side_the_narrower_counts():
    assert show_range({"minimum": 1, "exclusive_minimum": 1, "maximum": 5, "exclusive_maximum": 6}) == "(1,5]"


def test_declarations_are_read_back_and_known_to_the_client():
    shown = show_parameters(PARAMETERS)
    assert list(read_with_client(shown)) == [each["name"] for each in PARAMETERS]
    assert show_parameters(read_parameters(shown)) == shown


def test_what_the_client_declares_is_read():
    index = read_with_client(show_parameters(PARAMETERS))
    read = read_parameters([parameter.to_dict() for parameter in index.values()])
    assert [each["name"] for each in read] == [each["name"] for each in PARAMETERS]
    assert (read[1]["default"], read[2]["target"]) == (11, "data/mask.txt")


@pytest.mark.parametrize("text", ["", "0,1", "[0 1]", "[a,1]", "[nan,1]", "[inf,1]", "[0,1", None, 5])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ParameterError, match="range"):
        read_range(text)


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({}, "parameters"),
        ([1], "parameters[0]"),
        ([{"name": "a", "unit": "mm"}], "parameters[0].unit"),
        ([{"name": "a", "values": {}}], "parameters[0].values"),
        ([{"name": "a", "values": [{"name": "x"}]}], "parameters[0].values"),
        ([{"name": "a", "para": 1}], "parameters[0].para"),
        ([{"name": "a", "fields": [{"range": "x"}]}], "parameters[0].fields[0].range"),
    ],
)
def test_what_is_no_declaration_is_refused_by_its_place(given_, field):
    with pytest.raises(ParameterError) as caught:
        read_parameters(given_)
    assert caught.value.field == field
