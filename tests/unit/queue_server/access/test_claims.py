"""Which devices a plan uses, by its description and its arguments; and the list of claims of an item."""

from __future__ import annotations

import pytest

from queue_server.access import validate_item
from queue_server.access.claims import check_claims, find_devices
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.items import Item


@pytest.fixture
def plans(make_catalog, describe_plan, describe_parameter):
    """A catalog of plans that declare what they use, and of some that do not."""
    parameters = (
        describe_parameter("detectors"),
        describe_parameter("motor", default="'motor'"),
        describe_parameter("md", kind="KEYWORD_ONLY", default="None"),
    )
    return make_catalog(
        describe_plan("silent", *parameters),
        describe_plan("count", *parameters, claims="arguments"),
        describe_plan("mono", *parameters, claims=["flyer", "robot"]),
        describe_plan("alone", claims=[]),
        describe_plan("odd", *parameters, claims="whatever"),
        describe_plan("unreadable", describe_parameter("a", default="object()"), claims="arguments"),
    )


@pytest.fixture
def find(plans):
    """Return the devices of a call."""

    def run(name, *args, kind="plan", **kwargs):
        content = {"item_type": kind, "name": name, "args": list(args), "kwargs": kwargs}
        return find_devices(Item("uid", "default", "uid", content), plans)

    return run


def test_a_plan_that_declares_nothing_may_use_anything(find):
    assert find("silent", ["det1"]) is None
    assert find("unknown") is None


def test_devices_are_found_in_the_arguments_however_they_are_given(find):
    assert find("count", ["det1", "det2"], "flyer") == {"det1", "det2", "flyer"}
    assert find("count", detectors=["det1"], motor="flyer") == {"det1", "flyer"}
    assert find("count", [["det1"], {"det2": 1}], motor={"of": "flyer"}) == {"det1", "det2", "flyer"}


def test_a_component_stands_for_its_device(find):
    assert find("count", ["stage.dets.a", "det1.val"], "stage") == {"stage", "det1"}


def test_an_argument_that_is_not_given_has_its_default(find):
    assert find("count", ["det1"]) == {"det1", "motor"}
    assert find("count", ["det1"], "det2") == {"det1", "det2"}
    assert find("count", ["det1"], motor="det2") == {"det1", "det2"}


def test_what_is_declared_besides_is_added_whether_the_lane_has_it_or_not(find):
    assert find("mono", ["det1"], "motor") == {"det1", "motor", "flyer", "robot"}


def test_a_plan_may_use_no_device(find):
    assert find("alone") == frozenset()
    assert find("count", "no device", 5) == frozenset()


def test_an_argument_that_is_a_plan_may_use_anything(find):
    assert find("count", ["det1"], md={"inner": "silent"}) is None


@pytest.mark.parametrize("name", ["odd", "unreadable"])
def test_a_description_that_is_not_understood_tells_nothing(find, name):
    assert find(name) is None


def test_items_without_a_plan_tell_nothing(find):
    assert find("count", ["det1"], kind="dag") is None


def test_an_item_without_arguments_is_read(plans):
    content = {"item_type": "plan", "name": "count", "args": None}
    assert find_devices(Item("uid", "default", "uid", content), plans) == {"motor"}


# --- the list of an item ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims", [None, ["shutter"], ("a", "b/m1", "lane:b"), ["x" * 128], [str(n) for n in range(64)]]
)
def test_names_are_accepted(claims):
    check_claims(claims)


@pytest.mark.parametrize(
    ("claims", "field"),
    [
        ([], "item.claims"),
        ("shutter", "item.claims"),
        ({"shutter": 1}, "item.claims"),
        ([str(number) for number in range(65)], "item.claims"),
        (["shutter", ""], "item.claims[1]"),
        (["shutter", " "], "item.claims[1]"),
        ([5], "item.claims[0]"),
        (["x" * 129], "item.claims[0]"),
    ],
)
def test_what_is_no_list_of_names_is_refused_with_its_place(claims, field):
    with pytest.raises(ParameterError) as caught:
        check_claims(claims)
    assert caught.value.details["errors"][0]["field"] == field


def test_the_claims_of_an_item_are_checked_with_it(plans):
    item = {"item_type": "plan", "name": "count", "args": [["det1"]]}
    validate_item({**item, "claims": ["shutter"]}, plans, "primary")
    with pytest.raises(ParameterError, match=r"item.claims"):
        validate_item({**item, "claims": []}, plans, "primary")
