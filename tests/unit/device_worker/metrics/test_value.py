"""A value becomes a metric only where nothing of it is lost or guessed."""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np
import pytest

from device_worker.metrics.value import (
    MissingValueError,
    UnfitValueError,
    cast_value,
    find_value,
    is_finite,
    read_number,
    read_scalar,
)


class Boastful:
    """Something that a device may return, and that cannot even be shown."""

    def __repr__(self):
        raise RuntimeError("no words for this")


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (3, "int", 3),
        (3.0, "int", 3),
        (np.int16(3), "int", 3),
        (np.array(3.0), "int", 3),
        (-(2**63), "int", -(2**63)),
        (3, "float", 3.0),
        (np.float32(0.5), "float", 0.5),
        (2**70, "float", float(2**70)),
        ("gold", "string", "gold"),
        (np.str_("gold"), "string", "gold"),
        (3, "string", "3"),
        (0.5, "string", "0.5"),
    ],
)
def test_a_value_is_cast_to_the_type_of_its_column(value, dtype, expected):
    found = cast_value(value, dtype)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "dtype", "why"),
    [
        (3.5, "int", "not a whole number"),
        (math.inf, "int", "not a whole number"),
        (2**63, "int", "more than 64 bits"),
        (True, "int", "True is neither a number nor a text"),
        (np.True_, "float", "neither a number"),
        ("3", "int", "'3' is no number"),
        ("3", "float", "is no number"),
        (10**400, "float", "too large"),
        ([1], "float", "a value of type list is neither"),
        ({"a": 1}, "string", "a value of type dict is neither"),
        (np.zeros((2, 3)), "float", "an array of shape (2, 3)"),
        (Boastful(), "float", "a value of type Boastful is neither"),
        ("x" * 1_025, "string", "1025 characters"),
        ("\ud800", "string", "UTF-8"),
    ],
)
def test_what_does_not_fit_says_why(value, dtype, why):
    with pytest.raises(UnfitValueError) as raised:
        cast_value(value, dtype)
    assert why in str(raised.value)


def test_a_number_of_thousands_of_digits_is_no_text():
    with pytest.raises(UnfitValueError, match="too long for a text"):
        cast_value(10**5_000, "string")


def test_null_is_a_missing_value():
    with pytest.raises(MissingValueError):
        cast_value(None, "string")


def test_an_error_in_the_place_of_a_value_is_raised():
    with pytest.raises(UnfitValueError, match="an image"):
        read_scalar(UnfitValueError("an image"))


def test_whole_numbers_of_more_than_64_bits_become_floating_point_numbers():
    assert type(read_number(2**63)) is float
    assert type(read_number(2**63 - 1)) is int


@pytest.mark.parametrize(
    ("value", "finite"), [(1, True), (1.0, True), ("nan", True), (math.nan, False), (-math.inf, False)]
)
def test_only_numbers_are_infinite(value, finite):
    assert is_finite(value) is finite


SOURCE = MappingProxyType({"fit": {"width": [1, {"x": 2}]}, "list": (1, 2), "text": "abc", "array": np.arange(3)})


@pytest.mark.parametrize(
    ("path", "expected"), [("fit/width/0", 1), ("fit/width/1/x", 2), ("list/1", 2), ("array/2", 2), ("text", "abc")]
)
def test_a_path_leads_through_maps_and_lists(path, expected):
    assert find_value(SOURCE, path) == expected


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("fat/width", "fat"),
        ("fit/height/0", "fit/height"),
        ("fit/width/7/x", "fit/width/7"),
        ("list/-1", "list/-1"),
        ("list/²", "list/²"),
        ("list/9" + "9" * 40, "list/9"),
        ("text/0", "text/0"),
        ("list/0/x", "list/0/x"),
    ],
)
def test_the_first_key_that_is_not_there_is_named(path, missing):
    with pytest.raises(MissingValueError) as raised:
        find_value(SOURCE, path)
    assert str(raised.value).startswith(f"there is no '{missing}")
