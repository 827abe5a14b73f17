"""Cursors of numbered places: what is read from them, and what no list gives."""

from __future__ import annotations

import pytest

from queue_server.protocol.cursors import BEFORE_ALL, BEHIND_ALL, foreign_cursor, read_place
from queue_server.protocol.errors import ParameterError

LARGEST = "9" * 18


@pytest.mark.parametrize("place", [0, 1, 42, int(LARGEST)])
def test_the_place_behind_which_a_page_ended_is_read_again(place):
    assert read_place(str(place), BEHIND_ALL) == place


@pytest.mark.parametrize("first", [BEFORE_ALL, BEHIND_ALL])
def test_without_a_cursor_the_list_begins_at_its_first_page(first):
    assert read_place(None, first) == first


def test_every_place_lies_between_the_two_ends():
    assert BEFORE_ALL < read_place("1", BEFORE_ALL) < read_place(LARGEST, BEFORE_ALL) < BEHIND_ALL


@pytest.mark.parametrize(
    "cursor", ["", "x", "-1", "+1", " 1", "1 ", "1\n", "1.0", "1_0", "0x1", "1e3", "\u0661", "\u00b2", "9" * 19]
)
def test_a_cursor_that_no_list_gives_is_refused(cursor):
    with pytest.raises(ParameterError) as caught:
        read_place(cursor, BEFORE_ALL)
    assert (caught.value.message, caught.value.details) == (foreign_cursor().message, foreign_cursor().details)


def test_the_refusal_names_the_field_and_where_a_cursor_comes_from():
    error = foreign_cursor()
    assert (error.message, error.field) == ("'cursor' must be the 'next_cursor' of the page before.", "cursor")
