"""The lists of a catalog: whole, each kept encoded as long as it is in use, and in pages."""

from __future__ import annotations

import pytest

from queue_server.access.lists import MOST_LISTINGS, Lists
from queue_server.access.policy import Policy
from queue_server.protocol.errors import ParameterError


@pytest.fixture
def catalog(make_catalog, describe_plan):
    return make_catalog(describe_plan("count"), describe_plan("_hidden"))


@pytest.fixture
def lists(catalog):
    return Lists(catalog)


def read_pages(lists, limit):
    """Return the names on each page."""
    pages, after = [], None
    while True:
        page = lists.page_devices("root", limit, after)
        pages.append(list(page.entries))
        after = page.next_after
        if after is None:
            return pages


def test_lists_are_those_of_the_catalog(lists, catalog):
    assert dict(lists.plans_existing()) == catalog.plans_existing
    assert dict(lists.plans_existing(reduced=True)) == catalog.plans_existing_reduced
    assert dict(lists.plans_allowed("root")) == catalog.plans_allowed("root")
    assert dict(lists.plans_allowed("root", reduced=True)) == catalog.plans_allowed_reduced("root")
    assert dict(lists.devices_existing()) == catalog.devices_existing
    assert dict(lists.devices_allowed("root")) == catalog.devices_allowed("root")


def test_a_list_is_made_once(lists):
    assert lists.devices_allowed("root") is lists.devices_allowed("root")
    assert lists.plans_allowed("root") is not lists.plans_allowed("root", reduced=True)


def test_what_was_not_asked_for_lately_makes_room(make_catalog):
    groups = {f"group{number}": {"allowed_devices": [None]} for number in range(MOST_LISTINGS + 1)}
    lists = Lists(make_catalog(policy=Policy.from_mapping({"user_groups": {"root": {}, **groups}})))
    oldest, second = lists.devices_allowed("group0"), lists.devices_allowed("group1")
    for name in list(groups)[2:-1]:
        lists.devices_allowed(name)
    assert lists.devices_allowed("group0") is oldest
    lists.devices_allowed(list(groups)[-1])
    assert lists.devices_allowed("group0") is oldest
    assert lists.devices_allowed("group1") is not second


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_add_up_to_the_whole_list_in_the_order_of_names(lists, catalog, limit):
    pages = read_pages(lists, limit)
    assert all(0 < len(page) <= limit for page in pages)
    assert [name for page in pages for name in page] == sorted(catalog.devices_allowed("root"))
    assert lists.page_devices("root", limit).total == len(catalog.devices_allowed("root"))
    entries = lists.page_devices("root", limit).entries
    assert all(entry is catalog.devices_allowed("root")[name] for name, entry in entries.items())


def test_a_cursor_that_is_no_name_any_more_goes_on_behind_its_place(lists, catalog):
    names = sorted(catalog.devices_allowed("root"))
    assert next(iter(lists.page_devices("root", 1, names[0] + "!").entries)) == names[1]
    assert lists.page_devices("root", 5, names[-1]).entries == {}
    assert lists.page_devices("root", 5, names[-1]).next_after is None


def test_an_unknown_group_has_no_lists(lists):
    with pytest.raises(ParameterError, match="nobody"):
        lists.page_devices("nobody", 1)
    with pytest.raises(ParameterError, match="nobody"):
        len(lists.devices_allowed("nobody"))
