"""Edits as values: the stretches of what stood side by side, and the way into text and back."""

import math

import pytest

from queue_server.core import edits
from queue_server.core.edits import Stretch
from queue_server.protocol.items import Item


def item(uid, **fields):
    return Item(uid, "default", f"s-{uid}", fields.pop("content", {"name": "count"}), **fields)


def neighbours(order, *uids):
    ends = [None, *order, None]
    return {uid: (ends[order.index(uid)], ends[order.index(uid) + 2]) for uid in uids}


@pytest.mark.parametrize(
    ("uids", "expected"),
    [
        ("c", [("c", "b", "d")]),
        ("cb", [("bc", "a", "d")]),
        ("ac", [("a", None, "b"), ("c", "b", "d")]),
        ("deab", [("de", "c", None), ("ab", None, "c")]),
        ("edcba", [("abcde", None, None)]),
    ],
)
def test_items_side_by_side_are_one_stretch_between_those_that_stay(uids, expected):
    found = edits.stretches_of(neighbours("abcde", *uids))
    assert {(each.uids, each.follows, each.precedes) for each in found} == {
        (tuple(stretch), follows, precedes) for stretch, follows, precedes in expected
    }


@pytest.mark.parametrize(
    "edit",
    [
        edits.added([item("a"), item("b")]),
        edits.removed([item("a", state="held", reason="why", attempt=2)], {"a": (None, "b")}),
        edits.cleared([item("a", content={"n": [1, 2**80, math.inf, None, "\u00b5 \ud800"]}), item("b")]),
        edits.moved({"a": ("x", None)}),
        edits.replaced("new", item("old")),
        edits.UNDONE,
        edits.TOO_LARGE,
    ],
    ids=["added", "removed", "cleared", "moved", "replaced", "undone", "too large"],
)
def test_an_edit_comes_back_from_its_text_equal(edit):
    assert edits.decode_edit(edits.encode_edit(edit)) == edit


def test_an_edit_larger_than_what_is_kept_says_only_that_it_is():
    large = item("a", content={"note": "x" * edits.MOST_UNDO_BYTES})
    assert edits.decode_edit(edits.encode_edit(edits.cleared([large]))) == edits.TOO_LARGE
    fits = item("a", content={"note": "x" * (edits.MOST_UNDO_BYTES - 200)})
    assert edits.decode_edit(edits.encode_edit(edits.cleared([fits]))).items == (fits,)


def test_more_items_than_are_remembered_are_too_large():
    assert edits.removed([item("a")], None) == edits.cleared(None) == edits.moved(None) == edits.TOO_LARGE


def test_an_edit_touches_the_uids_that_its_items_have_and_had():
    assert edits.replaced("new", item("old")).touched == {"new", "old"}
    assert edits.moved({"a": (None, None)}).touched == {"a"}
    assert edits.cleared([item("a"), item("b")]).touched == {"a", "b"}
    assert edits.added([item("a")]).stretches == ()
    assert edits.removed([item("a")], {"a": (None, "b")}).stretches == (Stretch(("a",), None, "b"),)
