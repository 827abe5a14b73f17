"""Which items an item comes after: by their uids, by indices in a batch, and because it takes their files."""

from __future__ import annotations

import pytest

from queue_server.access.after import link_item
from queue_server.access.inputs import stand_in
from queue_server.protocol.errors import ParameterError

GRAPHS = {"merge": {"inputs": {"one": {"several": False}, "many": {"several": True}}}, "plain": {}}


def plan(**more):
    return {"item_type": "plan", "name": "count", **more}


def dag(name="merge", after=None, **kwargs):
    return {"item_type": "dag", "name": name, "kwargs": kwargs, **({} if after is None else {"after": after})}


def refuse(item, earlier=()):
    """Return the fields that are wrong."""
    with pytest.raises(ParameterError) as caught:
        link_item(item, GRAPHS, earlier)
    return [each["field"] for each in caught.value.details["errors"]]


@pytest.mark.parametrize("item", [plan(), plan(kwargs={"one": {"item_uid": "x"}}), {"item_type": "instruction"}])
def test_an_item_that_comes_after_nothing_is_returned_as_it_is(item):
    assert link_item(item, GRAPHS) is item


def test_uids_and_indices_become_uids_each_once_and_in_order():
    linked = link_item(plan(after=["x", 1, "y", 0, "x", 1]), GRAPHS, ["a", "b"])
    assert linked["after"] == ["x", "b", "y", "a"]


@pytest.mark.parametrize("after", [None, [], ()])
def test_nothing_to_come_after_is_left_out(after):
    assert link_item(plan(after=after), GRAPHS) == plan()


@pytest.mark.parametrize(
    ("after", "fields"),
    [
        ("x", ["item.after"]),
        ({"x": 1}, ["item.after"]),
        (["x"] * 65, ["item.after"]),
        (["x", "", None, 1.0, ["x"]], [f"item.after[{index}]" for index in (1, 2, 3, 4)]),
        ([2, -1, True, False], [f"item.after[{index}]" for index in (0, 1, 2, 3)]),
    ],
)
def test_every_wrong_entry_is_named(after, fields):
    assert refuse(plan(after=after), ["a", "b"]) == fields


def test_an_item_of_the_batch_that_was_refused_cannot_be_meant():
    assert refuse(plan(after=[0, 1]), ["a", None]) == ["item.after[1]"]


def test_a_graph_comes_after_the_items_whose_files_it_takes():
    item = dag(after=["x"], one={"item": 0, "file": "a"}, many=[{"item_uid": "y"}, {"item_uid": "x"}], note={"item": 1})
    linked = link_item(item, GRAPHS, ["p", "q"])
    assert linked["after"] == ["x", "p", "y"]
    assert linked["kwargs"] == {
        "one": {"item_uid": "p", "file": "a"},
        "many": [{"item_uid": "y"}, {"item_uid": "x"}],
        "note": {"item": 1},
    }
    assert item["kwargs"]["one"] == {"item": 0, "file": "a"}


def test_an_input_that_takes_several_files_has_a_list_of_references():
    assert link_item(dag(many={"item_uid": "y"}), GRAPHS)["kwargs"] == {"many": [{"item_uid": "y"}]}
    assert link_item(dag(one={"item_uid": "y"}), GRAPHS)["kwargs"] == {"one": {"item_uid": "y"}}


def test_the_items_of_the_list_and_of_the_files_count_together():
    many = [{"item_uid": f"i{number}"} for number in range(64)]
    assert len(link_item(dag(many=many), GRAPHS)["after"]) == 64
    assert refuse(dag(many=many, after=["x"])) == ["item.after"]


def test_every_wrong_reference_is_named():
    many = [
        {"item_uid": 5},
        {"file": "a"},
        {"item": 9},
        {"item_uid": "a", "file": 1},
        "plain",
        {"item_uid": "a", "x": 1},
    ]
    fields = ["[0].item_uid", "[1]", "[2].item", "[3].file", "[5]"]
    assert refuse(dag(many=many)) == [f"item.kwargs.many{each}" for each in fields]


@pytest.mark.parametrize("item", [dag("nobody", one={"item": 0}), {"item_type": "dag", "name": "merge", "kwargs": 5}])
def test_what_is_wrong_with_the_graph_itself_is_told_elsewhere(item):
    assert link_item(item, GRAPHS) == item


def test_references_are_checked_as_the_ids_that_they_will_be():
    inputs = GRAPHS["merge"]["inputs"]
    some = "0" * 64
    given = {"one": {"item_uid": "x"}, "many": [{"item_uid": "x"}, "id", 5], "note": {"item_uid": "x"}}
    assert stand_in(given, inputs) == {"one": some, "many": [some, "id", 5], "note": {"item_uid": "x"}}
    assert stand_in({"one": {"file": "x"}}, inputs) == {"one": {"file": "x"}}
