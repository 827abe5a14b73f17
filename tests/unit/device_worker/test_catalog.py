"""Descriptions are cut into pages that fit into messages."""

from __future__ import annotations

import pytest

from device_worker.catalog import ENTRY_BYTES, PAGE_BYTES, PAGE_ENTRIES, cut_pages
from queue_server.protocol.codec import WORKER_BOUNDS
from queue_server.protocol.worker_link import pack


def merged(pages):
    return {name: entry for page in pages for name, entry in page.entries.items()}


def test_an_empty_catalog_is_one_empty_page():
    (page,) = cut_pages("plans", {})
    assert (page.catalog, page.first, page.entries) == ("plans", True, {})


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (PAGE_ENTRIES, 1), (PAGE_ENTRIES + 1, 2), (1000, 5)])
def test_a_page_has_a_limited_number_of_entries_and_only_the_first_says_so(count, pages):
    entries = {f"plan{number}": {"name": f"plan{number}"} for number in range(count)}
    found = list(cut_pages("plans", entries))
    assert [page.first for page in found] == [True] + [False] * (pages - 1)
    assert merged(found) == entries


def test_a_page_has_a_limited_size():
    entries = {f"device{number}": {"text": "x" * (PAGE_BYTES * 3 // 5)} for number in range(4)}
    found = list(cut_pages("devices", entries))
    assert all(len(pack(page)) < PAGE_BYTES for page in found)
    assert merged(found) == entries


def test_a_huge_device_is_described_without_its_components(caplog):
    components = {f"part{number}": {"classname": "x" * 1000} for number in range(1000)}
    pages = list(cut_pages("devices", {"huge": {"classname": "Huge", "components": components}, "small": {}}))
    assert merged(pages) == {"huge": {"classname": "Huge"}, "small": {}}
    assert "'huge'" in caplog.text


def test_a_huge_plan_is_left_out_and_the_others_are_not(caplog):
    pages = list(cut_pages("plans", {"huge": {"description": "x" * (ENTRY_BYTES + 1)}, "small": {}}))
    assert merged(pages) == {"small": {}}
    assert "'huge'" in caplog.text


def test_an_entry_of_the_largest_size_fits_into_a_message():
    (page,) = cut_pages("plans", {"large": {"description": "x" * (ENTRY_BYTES - 100)}})
    assert len(pack(page)) < WORKER_BOUNDS.size_bytes
