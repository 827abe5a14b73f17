"""Which page a query asks for."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from http_gateway.dialects.ica.errors import ContentError
from http_gateway.dialects.ica.paging import Page, read_page


def page_of(query):
    """The page that a query asks for."""
    return read_page(Request({"type": "http", "query_string": query.encode(), "headers": []}))


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", Page(100, None, "", frozenset())),
        ("pageToken=", Page(100, None, "", frozenset())),
        ("pageToken=abc&pageSize=1", Page(1, None, "abc", frozenset())),
        ("pageSize=1000", Page(1000, None, "", frozenset())),
        ("pageOffset=0", Page(100, 0, "", frozenset())),
        ("pageOffset=7&pageToken=", Page(100, 7, "", frozenset())),
        ("pageOffset=199000&pageSize=1000", Page(1000, 199_000, "", frozenset())),
        ("pageOffset=199900", Page(100, 199_900, "", frozenset())),
        ("status=SUCCEEDED", Page(100, None, "", frozenset({"succeeded"}))),
        ("status=FAILED&status=RUNNING&status=FAILED", Page(100, None, "", frozenset({"failed", "running"}))),
        ("status=WAITING_RESOURCES", Page(100, None, "", frozenset({"waiting"}))),
    ],
)
def test_a_page_is_read(query, page):
    assert page_of(query) == page


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("pageSize=0", {"pageSize"}),
        ("pageSize=1001", {"pageSize"}),
        ("pageSize=", {"pageSize"}),
        ("pageSize=1.0", {"pageSize"}),
        ("pageSize=-1", {"pageSize"}),
        ("pageSize=%2B1", {"pageSize"}),
        ("pageSize=%201", {"pageSize"}),
        ("pageSize=1e2", {"pageSize"}),
        ("pageSize=0x10", {"pageSize"}),
        ("pageSize=%D9%A1", {"pageSize"}),
        ("pageSize=1&pageSize=1", {"pageSize"}),
        (f"pageSize={'1' * 5000}", {"pageSize"}),
        ("pageOffset=-1", {"pageOffset"}),
        ("pageOffset=", {"pageOffset"}),
        ("pageOffset=x", {"pageOffset"}),
        ("pageOffset=200001", {"pageOffset"}),
        ("pageOffset=199901", {"pageOffset"}),
        ("pageOffset=200000&pageSize=1", {"pageOffset"}),
        ("pageOffset=0&pageToken=x", {"pageOffset"}),
        ("pageToken=a&pageToken=a", {"pageToken"}),
        ("status=", {"status"}),
        ("status=succeeded", {"status"}),
        ("status=SUCCEEDED,FAILED", {"status"}),
        ("status=SUCCEEDED&status=QUEUED", {"status"}),
        ("pagesize=5", {"pagesize"}),
        ("pageSize=x&pageOffset=y&status=z", {"pageSize", "pageOffset", "status"}),
    ],
)
def test_everything_that_is_wrong_with_a_page_is_told(query, places):
    with pytest.raises(ContentError) as raised:
        page_of(query)
    assert set(raised.value.places) == places
