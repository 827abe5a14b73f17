"""The variable parts of commands take words from the front and leave the others."""

from __future__ import annotations

import pytest

from queue_server.compat import qserver_parts as parts
from queue_server.protocol.errors import ParameterError


@pytest.mark.parametrize(
    ("words", "values", "rest"),
    [
        (("front", "x"), {"pos": "front"}, ("x",)),
        (("-1", "x"), {"pos": -1}, ("x",)),
        (("before", "u", "x"), {"before_uid": "u"}, ("x",)),
        (("after", "u"), {"after_uid": "u"}, ()),
        (("x", "y"), {}, ("x", "y")),
    ],
)
def test_what_is_no_place_is_left_to_the_next_part(words, values, rest):
    assert parts.place().read(words) == (values, rest)


def test_flags_stand_in_any_order_and_may_repeat():
    part = parts.flags({"a": {"x": 1}, "b": {"y": 2}})
    assert part.read(("b", "a", "b")) == ({"x": 1, "y": 2}, ())
    assert part.usage == "[a] [b]"
    with pytest.raises(ParameterError, match="'c' is not possible here; choose a or b"):
        part.read(("a", "c"))


def test_a_mode_keeps_words_that_are_no_values():
    assert parts.mode().read(("loop", "sometimes", "n", "1")) == ({"mode": {"loop": "sometimes", "n": 1}}, ())


def test_the_uid_goes_into_the_item_that_takes_the_place():
    values, rest = parts.known_item(parts.plan()).read(("u", "{'name': 'count', 'item_uid': 'other'}", "more"))
    assert values == {"item": {"name": "count", "item_uid": "u", "item_type": "plan"}}
    assert rest == ("more",)


def test_the_type_of_an_item_is_that_of_the_command():
    values, _ = parts.plan("function").read(("{'name': 'f', 'item_type': 'plan'}",))
    assert values["item"]["item_type"] == "function"
