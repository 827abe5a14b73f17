"""The grammar of patterns: what is read, and what is refused with a reason."""

from __future__ import annotations

import pytest

from queue_server.access.patterns import MAX_PATTERN_LENGTH, parse_device_pattern, parse_name_pattern
from queue_server.protocol.errors import ParameterError


def steps_of(text):
    return [(step.expression, step.included, step.whole, step.depth) for step in parse_device_pattern(text).steps]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (":^det", [("^det", True, False, None)]),
        (":+^det", [("^det", True, False, None)]),
        (":^det:^val$", [("^det", True, False, None), ("^val$", True, False, None)]),
        (":-^det:^val$", [("^det", False, False, None), ("^val$", True, False, None)]),
        (":?.*", [(".*", True, True, None)]),
        (":?.*:depth=5", [(".*", True, True, 5)]),
        (":-^a:+^b:?.*c:depth=12", [("^a", False, False, None), ("^b", True, False, None), (".*c", True, True, 12)]),
        (": ^det : ^val$", [("^det", True, False, None), ("^val$", True, False, None)]),
    ],
)
def test_the_levels_of_a_search_are_read_from_left_to_right(text, steps):
    assert steps_of(text) == steps


def test_the_last_level_cannot_be_left_out():
    assert steps_of(":^det:-^val$")[-1] == ("^val$", True, False, None)


@pytest.mark.parametrize("name", ["det1", "stage.mtrs.x", "_spare", "vector.1", "stage . x"])
def test_an_entry_without_colon_is_a_plain_name(name):
    pattern = parse_device_pattern(name)
    assert pattern.is_plain
    assert pattern.name == name.replace(" ", "")


@pytest.mark.parametrize(
    ("kind", "readable", "movable", "flyable"),
    [
        ("__READABLE__", True, None, None),
        ("__FLYABLE__", None, None, True),
        ("__DETECTOR__", True, False, None),
        ("__DETECTORS__", True, False, None),
        ("__MOTOR__", True, True, None),
        ("__MOTORS__", True, True, None),
    ],
)
def test_a_kind_in_front_selects_devices_by_their_flags(kind, readable, movable, flyable, describe_device):
    pattern = parse_device_pattern(f"{kind}:.*")
    wanted = {"readable": readable, "movable": movable, "flyable": flyable}
    fitting = {name: bool(flag) for name, flag in wanted.items()}
    assert pattern.fits(describe_device(**fitting))
    for name, flag in wanted.items():
        if flag is not None:
            assert not pattern.fits(describe_device(**{**fitting, name: not flag}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (5, "not a text"),
        (None, "not a text"),
        ("", "empty"),
        ("   ", "empty"),
        ("x" * (MAX_PATTERN_LENGTH + 1), "longer than"),
        ("a..b", "not a name"),
        (".a", "not a name"),
        ("1a", "not a name"),
        ("^det$", "regular expression begins with ':'"),
        (":", "empty level"),
        (":^det:", "empty level"),
        (":-", "empty level"),
        (":?a:b", "only ':depth=N' may follow"),
        (":?a:b:depth=2", "only ':depth=N' may follow"),
        (":?a:depth=0", "the depth must be"),
        (":?a:depth=x", "the depth must be"),
        (":?a:depth=-1", "the depth must be"),
        (":?a:depth=1234567", "the depth must be"),
        ("__WHATEVER__:a", "unknown kind of devices: use one of __READABLE__"),
        (":(", "bad regular expression: missing )"),
        (r":(a)\1", "no back-references"),
        (":a(?!b)", "no look-around"),
        (":\ud800", "bad regular expression"),
    ],
)
def test_a_bad_entry_is_refused_with_the_reason(text, reason):
    with pytest.raises(ParameterError) as caught:
        parse_device_pattern(text)
    assert reason in caught.value.message
    assert len(caught.value.message) < 300


def test_an_expression_finds_its_text_anywhere_in_a_name():
    pattern = parse_name_pattern(":scan")
    assert pattern.matches("grid_scan_2")
    assert not pattern.matches("count")


@pytest.mark.parametrize("text", [":.*", ":^.*$", ":?.*"])
def test_an_expression_for_everything_takes_every_name(text):
    assert parse_name_pattern(text).matches("whatever")


def test_a_plain_plan_name_takes_only_itself():
    pattern = parse_name_pattern("count")
    assert pattern.matches("count")
    assert not pattern.matches("count2")


def test_names_with_letters_beyond_ascii_are_matched():
    assert parse_name_pattern(":^größe$").matches("größe")
    assert not parse_name_pattern(":^gr.$").matches("gr\ud800x")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (":a:b", "several levels"),
        ("a.b", "several levels"),
        ("__MOTOR__:a", "device kind"),
        (":(", "bad regular expression"),
    ],
)
def test_plans_and_functions_have_neither_levels_nor_kinds(text, reason):
    with pytest.raises(ParameterError, match=reason):
        parse_name_pattern(text)


def test_a_depth_does_no_harm_to_a_plan_pattern():
    assert parse_name_pattern(":?^count:depth=3").matches("count")


def test_an_expression_that_makes_other_engines_hang_is_answered_at_once():
    assert not parse_name_pattern(":^(a+)+$").matches("a" * 5000 + "b")
