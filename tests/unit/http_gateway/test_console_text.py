"""The text as a terminal would show it: lines, overwriting, and progress bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_gateway.console_text import MOST_CHARACTERS, MOST_COLUMNS, ConsoleText


def written(*texts, most_lines=2000):
    console = ConsoleText(most_lines)
    for text in texts:
        console.write(text)
    return console


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        ((), ""),
        (("a",), "a"),
        (("a\n",), "a"),
        (("a\n\n",), "a\n"),
        (("a", "b\nc"), "ab\nc"),
        (("abc\rX",), "Xbc"),
        (("abc\r\nd",), "abc\nd"),
        (("one\ntwo\n\x1b[A2",), "one\n2wo"),
        (("one\ntwo\x1b[A!",), "one!\ntwo"),
        (("a\nlonger\x1b[A!",), "a     !\nlonger"),
        (("\x1b[A\x1b[Aa",), "a"),
        (("bar 1\nbar 2\n", "\x1b[A\x1b[Abar 10\nbar 20\n"), "bar 10\nbar 20"),
        (("\x1b[31mred\x1b[0m",), "\x1b[31mred\x1b[0m"),
        (("\ttab\x0b",), "\ttab\x0b"),
    ],
)
def test_exactly_three_controls_are_understood(texts, shown):
    assert written(*texts).tail(100) == shown


@pytest.mark.parametrize(("lines", "shown"), [(0, ""), (-1, ""), (1, "c"), (2, "b\nc"), (3, "a\nb\nc"), (9, "a\nb\nc")])
def test_the_last_lines_are_shown(lines, shown):
    assert written("a\nb\nc\n").tail(lines) == shown


def test_the_oldest_lines_go_and_writing_goes_on_where_it_was():
    console = written(*(f"{number}\n" for number in range(10)), most_lines=3)
    assert console.tail(100) == "7\n8\n9"
    console.write("\x1b[A\x1b[AX\n")
    assert console.tail(100) == "7\nX\n9"


def test_of_very_long_lines_fewer_are_kept():
    line, many = "x" * MOST_COLUMNS, MOST_CHARACTERS // MOST_COLUMNS
    console = written("first\n", *[f"{line}\n"] * many, "last")
    assert len(console.tail(10_000)) <= MOST_CHARACTERS + many
    assert console.tail(10_000).startswith(line)
    console.write("\rLAST")
    assert console.tail(1) == "LAST"
    # What is overwritten frees its place.
    console.write("".join(f"\n{line}\r" for _ in range(3)))
    assert console.tail(10_000).count("\n") == many - 1


def test_a_line_without_end_is_cut():
    console = written(*["x" * 900] * 20)
    assert console.tail(1) == "x" * MOST_COLUMNS
    console.write("\rab\nnext")
    assert console.tail(2) == "ab" + "x" * (MOST_COLUMNS - 2) + "\nnext"


@given(st.lists(st.text(alphabet="ab\n\r", max_size=20)))
def test_where_messages_are_cut_makes_no_difference(texts):
    assert written(*texts).tail(2000) == written("".join(texts)).tail(2000)


@given(st.lists(st.sampled_from(["a", "\n", "\r", "\x1b[A", "bcd"]), max_size=60), st.integers(1, 5))
def test_there_are_never_more_lines_than_allowed(pieces, most_lines):
    text = written(*pieces, most_lines=most_lines).tail(100)
    assert text.count("\n") < most_lines
