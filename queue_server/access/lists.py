"""The lists of plans, devices and graphs that clients ask for: whole, to be spliced into replies, or page by page.

It decides no permission. Everything here may take long and may be used by any thread; nothing here ever changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, TypeVar

from msgspec import Struct

from queue_server.access.catalog import Catalog
from queue_server.access.kept_listing import KeptListing

K = TypeVar("K")
V = TypeVar("V")

MOST_LISTINGS = 12
"""Lists that are kept encoded, those that were asked for last: 13,000 devices take 4 MB in each encoding."""


class Page(Struct, frozen=True):
    """Some entries of a list in the order of their names, how many the list has, and the name to go on after."""

    entries: dict[str, Any]
    total: int
    next_after: str | None


class Lists:
    """The lists of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._listings: OrderedDict[tuple[str, str], KeptListing] = OrderedDict()
        self._sorted: OrderedDict[str, list[str]] = OrderedDict()
        self._lock = Lock()

    def plans_allowed(self, group: str, *, reduced: bool = False) -> KeptListing:
        """Return the plans that a group may use."""
        find = self.catalog.plans_allowed_reduced if reduced else self.catalog.plans_allowed
        return self._listing(f"plans_allowed {reduced}", group, lambda: find(group))

    def plans_existing(self, *, reduced: bool = False) -> KeptListing:
        """Return all plans."""
        if reduced:
            return self._listing("plans_existing_reduced", "", lambda: self.catalog.plans_existing_reduced)
        return self._listing("plans_existing", "", lambda: self.catalog.plans_existing)

    def devices_allowed(self, group: str) -> KeptListing:
        """Return the devices that a group may use."""
        return self._listing("devices_allowed", group, lambda: self.catalog.devices_allowed(group))

    def devices_existing(self) -> KeptListing:
        """Return all devices."""
        return self._listing("devices_existing", "", lambda: self.catalog.devices_existing)

    def dags_allowed(self, group: str) -> KeptListing:
        """Return the graphs that a group may use."""
        return self._listing("dags_allowed", group, lambda: self.catalog.dags_allowed(group))

    def dags_existing(self) -> KeptListing:
        """Return all graphs."""
        return self._listing("dags_existing", "", lambda: self.catalog.dags_existing)

    def page_devices(self, group: str, limit: int, after: str | None = None) -> Page:
        """Return at most ``limit`` of the devices that a group may use, beginning behind the name ``after``.

        Raises:
            ParameterError: the group is unknown.
        """
        devices = self.catalog.devices_allowed(group)
        names = self._sort(group, devices)
        begin = 0 if after is None else bisect_right(names, after)
        chosen = names[begin : begin + limit]
        has_more = begin + len(chosen) < len(names)
        return Page({name: devices[name] for name in chosen}, len(names), chosen[-1] if has_more and chosen else None)

    def _listing(self, kind: str, group: str, find: Callable[[], Mapping[str, Any]]) -> KeptListing:
        with self._lock:
            return _keep(self._listings, (kind, group), lambda: KeptListing(find))

    def _sort(self, group: str, devices: Mapping[str, Any]) -> list[str]:
        with self._lock:
            return _keep(self._sorted, group, lambda: sorted(devices))


def _keep(kept: OrderedDict[K, V], key: K, make: Callable[[], V]) -> V:
    value = kept.get(key)
    if value is None:
        value = kept[key] = make()
    kept.move_to_end(key)
    if len(kept) > MOST_LISTINGS:
        kept.popitem(last=False)
    return value
