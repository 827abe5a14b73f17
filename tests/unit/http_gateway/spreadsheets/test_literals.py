"""Literals of cells: what is data, what is refused, and that no text does more than that."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from http_gateway.spreadsheets.errors import SpreadsheetError
from http_gateway.spreadsheets.limits import LIMITS
from http_gateway.spreadsheets.literals import check_number, read_arguments, read_literal

pieces = st.sampled_from(["'", '"', "\\", "[", "]", "(", ")", "{", "}", ",", ":", "-", "+", ".", "1", "e9", "0x", "r'",
                          "None", "True", "det1", " ", "\n", "'''", '"""', "#", "lambda", "f'", "b'",
                          "j", "\\N{", "_"])  # fmt: skip
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        (" -1 ", -1),
        ("+2.50", 2.5),
        ("1e3", 1000.0),
        ("0x1F", 31),
        (".5", 0.5),
        ("5.", 5.0),
        ("1_000", 1000),
        ("None", None),
        ("True", True),
        ("'det1'", "det1"),
        ('"it\'s"', "it's"),
        (r"'a\n\'b'", "a\n'b"),
        (r"r'C:\new'", r"C:\new"),
        (r"'C:\data\7'", "C:\\data\a"),
        ("''", ""),
        ("'a' 'b'", "ab"),
        ("('det1', 2)", ["det1", 2]),
        ("1, 2", [1, 2]),
        ("[\n1,\n2\n]", [1, 2]),
        ("{'a': [1, {'b': ()}]}", {"a": [1, {"b": []}]}),
        ("'((((((((((((((((((((((('", "((((((((((((((((((((((("),
    ],
)
def test_a_literal_is_its_value(text, value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_literal(text, LIMITS) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("det1", "det1 is not quoted"),
        ("['det1', det2]", "det2 is not quoted"),
        ("inf", "inf is not quoted"),
        ("__import__('os')", "__import__ is not quoted"),
        ("(lambda: 1)()", "lambda is not quoted"),
        ("f'{1}'", "f is not quoted"),
        ("b'x'", "b is not quoted"),
        ("1 + 1", "not evaluated"),
        ("2 ** 9", "not evaluated"),
        ("2-1", "not evaluated"),
        ("[1][0]", "not evaluated"),
        ("'a'.join", "not evaluated"),
        ("=A1", "not evaluated"),
        ("#DIV/0!", "not evaluated"),
        ("1j", "j is not quoted"),
        ("--1", "sign"),
        ("-'a'", "sign"),
        ("1, -", "sign"),
        ("{1, 2}", "sets"),
        ("{1: 2}", "key 1"),
        ("{'a': 1}, {[]: 2}", "no value"),
        ("[1, 2", "']' is missing"),
        ("1]", "closes nothing"),
        ("[1)", "closes nothing"),
        ("'open", "not closed"),
        ("'''a'''", "not closed"),
        ("1e999", "not finite"),
        ("9" * 40, "too large"),
        ("1" * 65, "too long"),
        ("007", "no value"),
        ("[1,,2]", "no value"),
        ("1:2", "no value"),
        (r"'\ud800'", "surrogate"),
        (r"{'\ud800': 1}", "surrogate"),
        (r"'\N{no such name}'", "no value"),
        ("[" * 17 + "]" * 17, "nested"),
        ("(" * 5000, "nested"),
        ("-" * 9000, "sign"),
        ("1" * 20_000, "characters"),
        ("", "no value"),
    ],
)
def test_what_is_no_literal_is_refused_with_the_reason(text, reason):
    with pytest.raises(SpreadsheetError, match=reason.replace("[", r"\[").replace("(", r"\(")):
        read_literal(text, LIMITS)


def test_arguments_have_no_brackets_around_them():
    assert read_arguments("['det1', 'det2'], 'motor', -1, 1,", LIMITS) == [["det1", "det2"], "motor", -1, 1]


@pytest.mark.parametrize("text", ["1], [2", "1]", "[1", ")("])
def test_arguments_cannot_leave_their_brackets(text):
    with pytest.raises(SpreadsheetError):
        read_arguments(text, LIMITS)


@pytest.mark.parametrize(("number", "whole"), [(10.0, 10), (0.5, 0.5), (-3.0, -3), (1e300, 1e300), (2**63, 2**63)])
def test_a_whole_float_becomes_an_integer_where_it_stays_the_same_number(number, whole):
    result = check_number(number)
    assert (result, type(result)) == (whole, type(whole))


@given(st.text(max_size=60) | st.lists(pieces, max_size=30).map("".join))
@example("\x00")
@example("'\x00'")
@example("'''a', '''[[[[[[[[[[[[[[[[[[[[[[[[ '")
def test_any_text_is_a_value_or_refused(text):
    for read in (read_literal, read_arguments):
        try:
            read(text, LIMITS)
        except SpreadsheetError:
            continue


@given(values)
def test_what_python_writes_is_read_back(value):
    assert read_literal(repr(value), LIMITS) == value
    assert read_arguments(repr(value), LIMITS) == [value]
