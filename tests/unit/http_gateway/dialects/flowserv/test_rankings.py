"""How rankings are asked for, and what of an entry is shown."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_gateway.dialects.flowserv.rankings import read_include_all, read_order, show_ranking
from queue_server.protocol.errors import ParameterError

COLUMNS = [{"name": name, "label": name.upper(), "dtype": "float", "required": True} for name in ("b", "a")]


@given(st.lists(st.tuples(st.from_regex(r"[A-Za-z0-9_.-]{1,9}", fullmatch=True), st.booleans()), max_size=5))
def test_what_the_client_writes_is_read_back(order):
    text = ",".join(f"{name}:{'DESC' if descending else 'ASC'}" for name, descending in order)
    expected = [{"name": name, "descending": descending} for name, descending in order]
    assert read_order(text) == read_order(text.lower()) or expected
    assert read_order(text) == (expected or None)


@given(st.text(max_size=20))
def test_any_other_text_is_read_or_refused(text):
    for read in (read_order, read_include_all):
        with suppress(ParameterError):
            read(text)


def entry_of(**more):
    """Return an entry of a ranking."""
    known = {"rank": 1, "submission_id": "s", "attempt": 1, "time_created": 3.0, "time_start": 2.0, "time_stop": 1.0}
    return known | {"group": {"id": "g", "name": "G"}, "values": {}} | more


def test_values_are_in_the_order_of_the_schema_and_those_that_are_none_are_left_out():
    entries = [entry_of(values={"a": 1, "b": 2.5, "other": 1}), entry_of(values={"a": float("nan"), "b": None})]
    shown = show_ranking("w", COLUMNS, [*entries, entry_of(values={"a": float("-inf")})], None)
    assert shown["schema"][0] == {"name": "b", "label": "B", "dtype": "float"}
    assert [each["results"] for each in shown["ranking"]] == [
        [{"name": "b", "value": 2.5}, {"name": "a", "value": 1}],
        [],
        [],
    ]
    assert "postproc" not in shown


def test_times_are_in_order_and_later_attempts_have_ids_of_their_own():
    run = show_ranking("w", COLUMNS, [entry_of(attempt=3)], None)["ranking"][0]["run"]
    assert run["id"] == "s.3"
    assert run["createdAt"] == run["startedAt"] == run["finishedAt"] == "1970-01-01T00:00:03.000000+00:00"


def test_what_has_no_group_stands_for_itself():
    groups = [
        each["group"]["id"]
        for each in show_ranking("w", COLUMNS, [entry_of(group=None), entry_of(group=None, submission_id="t")], None)[
            "ranking"
        ]
    ]
    assert groups == ["s", "t"]


@pytest.mark.parametrize("text", ["a:b:c", ":", "a:up", ":DESC"])
def test_what_is_no_order_is_refused(text):
    with pytest.raises(ParameterError):
        read_order(text)
