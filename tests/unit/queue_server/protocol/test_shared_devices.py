"""The setting that says which devices several lanes reach."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from queue_server.protocol.shared_devices import CheckedPlaces

PLACES = TypeAdapter(CheckedPlaces)
SHUTTER = {"default": "shutter", "b": "shutter"}
CRYO = {"default": "cryo1", "b": "cold"}


@pytest.mark.parametrize(
    "given",
    [
        {"shutter": ["default", "b"], "cryo": CRYO},
        {"shutter": SHUTTER, "cryo": CRYO},
        "shutter=default+b,cryo=default:cryo1+b:cold",
        " shutter = default + b , cryo = default : cryo1 + b : cold ",
    ],
)
def test_lanes_are_named_as_a_list_as_a_map_or_as_text(given):
    assert PLACES.validate_python(given) == {"shutter": SHUTTER, "cryo": CRYO}


def test_names_of_control_systems_are_names():
    assert PLACES.validate_python("sys/tg/1=a+b,XF:31ID=a:m+b:m") == {
        "sys/tg/1": dict.fromkeys("ab", "sys/tg/1"),
        "XF:31ID": dict.fromkeys("ab", "m"),
    }


def test_two_lanes_may_have_crossed_names():
    crossed = {"m1": {"a": "m1", "b": "m2"}, "m2": {"a": "m2", "b": "m1"}}
    assert PLACES.validate_python(crossed) == crossed


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("shutter", "write each device with its lanes"),
        ({"lane:b": ["a"]}, "not like lane:b"),
        ({"": ["a"]}, "1 to 128 characters"),
        ({"x" * 129: ["a"]}, "1 to 128 characters"),
        ({"shutter": []}, "in no lane"),
        ({"shutter": {"a": ""}}, "name of a whole device"),
        ({"shutter": {"a": "front.shutter"}}, "name of a whole device"),
        ({"shutter": {"a": "x"}, "other": {"a": "x"}}, "two names, 'shutter' and 'other'"),
        ({"shutter": 5}, "valid dict"),
        (["shutter"], "valid dict"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(given, text):
    with pytest.raises(ValidationError) as caught:
        PLACES.validate_python(given)
    assert text in str(caught.value)
