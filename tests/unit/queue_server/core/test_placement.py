"""Positions: what the API of the queue documents, for every position of every short queue."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from queue_server.core.placement import index_in, place_moved, place_new, refuse_two_addresses
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import BACK, Place
from tests.cases import each

SIZES = range(5)
POSITIONS = range(-8, 9)
PLACES = list(itertools.product([*POSITIONS, "front", "back"], SIZES))
NEW = "new"


def insert(queue, place):
    """Put the new item where ``place`` says, as a store does."""
    index: Any = {"front": 0, "back": len(queue)}.get(place.position, place.position)
    assert 0 <= index <= len(queue)
    return [*queue[:index], NEW, *queue[index:]]


def insert_as_documented(queue, position):
    """Index 0 is the front, -1 the back, -2 before the last item; beyond either end it is that end."""
    queue = list(queue)
    if position in ("front", "back"):
        queue.insert(0 if position == "front" else len(queue), NEW)
    elif position >= 0:
        queue.insert(min(position, len(queue)), NEW)
    else:
        # Counted from the back, the new item included.
        from_back = min(-position - 1, len(queue))
        queue.insert(len(queue) - from_back, NEW)
    return queue


@each("position, size", PLACES)
def test_a_new_item_goes_where_the_position_says(position, size):
    queue = [f"item{index}" for index in range(size)]
    assert insert(queue, place_new(position, None, None, size)) == insert_as_documented(queue, position)


@pytest.mark.parametrize("size", SIZES)
def test_a_new_item_stands_at_its_position_where_there_is_one(size):
    queue = [f"item{index}" for index in range(size)]
    for position in range(-size - 1, size + 1):
        assert insert(queue, place_new(position, None, None, size))[position] == NEW


def test_a_new_item_without_a_position_goes_to_the_back():
    assert place_new(None, None, None, 3) == BACK


def test_a_new_item_may_go_beside_another():
    assert place_new(None, "x", None, 3) == Place(before_uid="x")
    assert place_new(None, None, "x", 3) == Place(after_uid="x")


@each("position, size", PLACES)
def test_an_existing_item_is_found_where_the_position_says(position, size):
    queue = list(range(size))
    index: Any = {"front": 0, "back": -1}.get(position, position)
    try:
        expected = queue[index]
    except IndexError:
        expected = None
    assert index_in(position, size) == expected


@each("position, size", PLACES)
def test_a_moved_item_gets_the_index_of_its_destination(position, size):
    index = index_in(position, size)
    if index is not None:
        assert place_moved(position, None, None, size=size) == index
        return
    with pytest.raises(ParameterError, match=f"Index {position} is out of range: the queue has {size} items") as caught:
        place_moved(position, None, None, size=size)
    assert caught.value.field == "pos_dest"


def test_a_moved_item_may_go_beside_another():
    assert place_moved(None, "x", None, size=3) == Place(before_uid="x")
    assert place_moved(None, None, "x", size=3) == Place(after_uid="x")


def test_a_moved_item_needs_a_destination():
    with pytest.raises(ParameterError, match="give pos_dest, before_uid or after_uid") as caught:
        place_moved(None, None, None, size=3)
    assert caught.value.field == "pos_dest"


@pytest.mark.parametrize(
    ("position", "before", "after", "field"),
    [(0, "x", None, "pos"), ("back", None, "x", "pos"), (0, "x", "y", "pos"), (None, "x", "y", "before_uid")],
)
def test_an_item_has_one_place(position, before, after, field):
    for place in (
        lambda: place_new(position, before, after, 3),
        lambda: place_moved(position, before, after, size=3),
    ):
        with pytest.raises(ParameterError, match="Ambiguous parameters") as caught:
            place()
        assert caught.value.field == field


def test_an_item_has_one_address():
    refuse_two_addresses(0, None, "item")
    refuse_two_addresses(None, "x", "item")
    refuse_two_addresses(None, None, "item")
    with pytest.raises(ParameterError, match=r"Ambiguous parameters.*source item") as caught:
        refuse_two_addresses(0, "x", "source item")
    assert caught.value.field == "pos"
