from __future__ import annotations

import enum
from typing import Any, Literal

import pytest

from device_worker.profile.enumeration import convert_members, find_enumerations


class Colour(enum.Enum):
    RED = "red"
    ONE = 1


class Mode(enum.StrEnum):
    FAST = "fast"


@pytest.mark.parametrize(
    ("hint", "found"),
    [
        (Colour, (Colour,)),
        (Colour | None, (Colour,)),
        (dict[str, list[Mode]], (Mode,)),
        (list[Colour | Mode], (Colour, Mode)),
        (int, ()),
        (Any, ()),
        (Literal["red"], ()),
    ],
)
def test_enumerations_are_found_at_any_depth_of_a_hint(hint, found):
    assert find_enumerations(hint) == found


def test_values_become_members_in_lists_and_maps():
    value = {"a": ["red", 1, ("fast",)], "b": "green", "c": None}
    assert convert_members(value, (Colour, Mode)) == {
        "a": [Colour.RED, Colour.ONE, (Mode.FAST,)],
        "b": "green",
        "c": None,
    }


def test_only_the_same_type_of_value_is_taken_for_a_member():
    assert convert_members([True, 1.0, "RED"], (Colour,)) == [True, 1.0, "RED"]
    assert all(not isinstance(value, Colour) for value in convert_members([True, 1.0, "RED"], (Colour,)))


def test_without_enumerations_the_value_itself_is_returned():
    value = ["red"]
    assert convert_members(value, ()) is value
