"""Cuts the descriptions of plans, devices and graphs into pages that fit into messages."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from queue_server.client.outbox import UNNUMBERED
from queue_server.protocol.codec import encode
from queue_server.protocol.worker_link import CatalogPage

_log = logging.getLogger(__name__)

PAGE_ENTRIES = 200
# The manager reads a page of this size in 2 ms, and does nothing else meanwhile.
PAGE_BYTES = 50_000
ENTRY_BYTES = 900_000


def cut_pages(
    catalog: Literal["plans", "devices", "dags"], entries: Mapping[str, Mapping[str, Any]]
) -> Iterator[CatalogPage]:
    """Yield the pages of a catalog in order, at least one.

    A device that is too large for a message is described without its components; a plan or graph that is too large is
    left out. Either is noted in the log.
    """
    page: dict[str, dict[str, Any]] = {}
    page_bytes = 0
    is_first = True
    for name, entry in entries.items():
        description, size_bytes = _fit(catalog, name, entry)
        if description is None:
            continue
        if page and (len(page) >= PAGE_ENTRIES or page_bytes + size_bytes > PAGE_BYTES):
            yield CatalogPage(number=UNNUMBERED, catalog=catalog, first=is_first, entries=page)
            page, page_bytes, is_first = {}, 0, False
        page[name] = description
        page_bytes += size_bytes
    if page or is_first:
        yield CatalogPage(number=UNNUMBERED, catalog=catalog, first=is_first, entries=page)


def _fit(catalog: str, name: str, entry: Mapping[str, Any]) -> tuple[dict[str, Any] | None, int]:
    description = dict(entry)
    size_bytes = _measure(name, description)
    if size_bytes > ENTRY_BYTES and "components" in description:
        _log.warning("The components of device %r are not described: they take %d bytes", name, size_bytes)
        del description["components"]
        size_bytes = _measure(name, description)
    if size_bytes > ENTRY_BYTES:
        _log.error("%r is left out of the %s: its description takes %d bytes", name, catalog, size_bytes)
        return None, 0
    return description, size_bytes


def _measure(name: str, description: Mapping[str, Any]) -> int:
    return len(encode({name: description}, "msgpack"))
