"""Plans, devices and graphs of each lane, and the permissions of all: kept in the store, and replaced as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

import orjson
from msgspec import Struct

from queue_server.access import Catalog, Policy
from queue_server.access.claims import find_devices
from queue_server.access.graphs import Graphs
from queue_server.access.lists import Lists
from queue_server.access.metadata_keys import EVERYTHING, MetadataKeys
from queue_server.access.startup_files import NO_FILES, StartupFiles
from queue_server.core.events import CatalogChanged, PermissionsChanged
from queue_server.engine.readings import Readings
from queue_server.engine.turn import Turn
from queue_server.protocol.items import DEFAULT_LANE, Item
from queue_server.protocol.listing import encode_entries
from queue_server.protocol.worker_link import CatalogPage
from queue_server.storage.base import Transaction

Descriptions = dict[str, dict[str, Any]]
Kind = Literal["plans", "devices", "dags"]

# The list of graphs has the number of the list of plans: clients read both anew when either has changed.
_ITEMS = ("plans", "dags")

PERMISSIONS = "permissions"
"""The name under which the store keeps the permissions that hold."""

LaneFiles = Mapping[str, StartupFiles]


class Resources:
    """Holds a catalog for each lane; a worker's pages replace that of its lane in the turn that opens the environment.

    ``files`` are those beside the startup code of each lane; those of the lane default have the permissions.
    ``graph_lanes`` are the lanes whose workers execute graphs.
    """

    def __init__(
        self,
        files: LaneFiles | None = None,
        permitted_metadata: MetadataKeys = EVERYTHING,
        graph_lanes: Collection[str] = (),
    ) -> None:
        self.graph_lanes = graph_lanes
        self.files: LaneFiles = {DEFAULT_LANE: NO_FILES, **(files or {})}
        self.readings = Readings()
        self.metadata: dict[str, Mapping[str, Any]] = {}
        self._catalogs: dict[str, Catalog] = {DEFAULT_LANE: Catalog.build({}, {}, Policy.default())}
        self._permitted_metadata = permitted_metadata
        self._lists: dict[str, Lists] = {}
        self._pages: dict[str, dict[Kind, Descriptions]] = {}

    @property
    def policy(self) -> Policy:
        """The permissions, which are the same in all lanes."""
        return self._catalogs[DEFAULT_LANE].policy

    def catalog_of(self, lane: str) -> Catalog:
        """Return the catalog of a lane; one of which nothing is known has neither plans nor devices nor graphs."""
        return self._catalogs.get(lane) or Catalog.build({}, {}, self.policy, self._limit(lane, {}))

    def _limit(self, lane: str, dags: Graphs) -> Graphs | None:
        """Return the graphs of a lane, None for one that executes plans."""
        return dags if lane in self.graph_lanes else None

    def find_devices(self, item: Item) -> frozenset[str] | None:
        """Return the devices of its lane that the plan of an item uses, None where nobody knows."""
        return find_devices(item, self.catalog_of(item.lane))

    def use(self, lane: str, catalog: Catalog) -> None:
        """Let a catalog be that of a lane."""
        self._catalogs[lane] = catalog

    def lists_of(self, lane: str) -> Lists:
        """Return the lists of the present catalog of a lane, for the event loop to hand out."""
        catalog, known = self.catalog_of(lane), self._lists.get(lane)
        if known is None or known.catalog is not catalog:
            known = self._lists[lane] = Lists(catalog)
        return known

    def restore(self, tx: Transaction, lanes: Iterable[str] = (DEFAULT_LANE,)) -> None:
        """Read what the store has kept for some lanes."""
        saved = _read(tx, PERMISSIONS)
        policy = Policy.from_mapping(saved) if saved else Policy.default()
        for lane in lanes:
            plans, devices, dags = (_read(tx, name_in(lane, kind)) or {} for kind in ("plans", "devices", "dags"))
            self.use(lane, Catalog.build(plans, devices, policy, self._limit(lane, dags)))

    def receive(self, incarnation: str, page: CatalogPage) -> None:
        """Collect one page; the first page of a list drops what was collected of it before."""
        lists = self._pages.setdefault(incarnation, {"plans": {}, "devices": {}, "dags": {}})
        if page.first:
            lists[page.catalog] = {}
        lists[page.catalog].update(page.entries)

    def adopt(self, turn: Turn, lane: str, incarnation: str) -> None:
        """Make the collected pages of a worker the catalog of its lane, save it, and apply what has changed."""
        pages = self._pages.get(incarnation, {"plans": {}, "devices": {}, "dags": {}})
        dags = self._limit(lane, pages["dags"])
        self.replace(turn, lane, plans=pages["plans"], devices=pages["devices"], dags=dags)
        turn.after_commit.append(lambda: self.forget(incarnation))

    def keep_metadata(self, lane: str, values: Mapping[str, Any]) -> None:
        """Keep what may be read of what the RunEngine of a lane puts into every run."""
        self.metadata[lane] = self._permitted_metadata.select(values)

    def set_permissions(self, turn: Turn, permissions: Mapping[str, Any]) -> None:
        """Make ``permissions`` those of all groups.

        Raises:
            ParameterError: a group or a pattern in it is wrong; the last good set stays.
        """
        self.replace(turn, policy=Policy.from_mapping(permissions))

    def replace(
        self,
        turn: Turn,
        lane: str = DEFAULT_LANE,
        *,
        policy: Policy | None = None,
        anew: bool = False,
        **lists: Mapping[str, Any] | None,
    ) -> None:
        """Put lists of a lane and permissions of all in the place of the present ones; save and number what is other.

        The lists are ``plans``, ``devices`` and ``dags``; None leaves one as it is. With ``anew`` all that is given
        counts as changed.

        Raises:
            ParameterError: a description cannot be used; nothing is changed.
        """
        old = self.present(turn, lane)
        present = {"plans": old.plans_existing, "devices": old.devices_existing, "dags": old.dags_existing}
        changed = {
            kind: new for kind, new in lists.items() if new is not None and (anew or _differ(new, present[kind]))
        }
        held = self.present(turn).policy
        if policy is not None and not anew and policy == held:
            policy = None
        now = present | changed
        catalog = Catalog.build(now["plans"], now["devices"], policy or held, self._limit(lane, now["dags"]))
        for kind, entries in changed.items():
            turn.tx.save(name_in(lane, kind), encode_entries(entries, "json"))
        if policy is not None:
            turn.tx.save(PERMISSIONS, orjson.dumps(policy.as_mapping()))
            turn.apply(PermissionsChanged())
        if changed:
            turn.apply(CatalogChanged(plans=not changed.keys().isdisjoint(_ITEMS), devices="devices" in changed))
        if changed or policy is not None:
            turn.after_commit.append(_Replacement(self, lane, catalog))
        if policy is not None:
            self._give_to_others(turn, lane, policy)

    def _give_to_others(self, turn: Turn, lane: str, policy: Policy) -> None:
        others = {*self._catalogs, *(act.lane for act in turn.after_commit if isinstance(act, _Replacement))} - {lane}
        for other in others:
            known = self.present(turn, other)
            dags = self._limit(other, known.dags_existing)
            catalog = Catalog.build(known.plans_existing, known.devices_existing, policy, dags)
            turn.after_commit.append(_Replacement(self, other, catalog))

    def present(self, turn: Turn, lane: str = DEFAULT_LANE) -> Catalog:
        """Return the catalog of a lane as it is inside a turn, in which others may have replaced it already."""
        acts = (act for act in reversed(turn.after_commit) if isinstance(act, _Replacement))
        return next((act.catalog for act in acts if act.lane == lane), self.catalog_of(lane))

    def forget(self, incarnation: str) -> None:
        """Drop the pages of a worker that is gone."""
        self._pages.pop(incarnation, None)


class _Replacement(Struct, frozen=True):
    """What a turn has made of the catalog; it goes with the turn's other acts if the turn is undone."""

    resources: Resources
    lane: str
    catalog: Catalog

    def __call__(self) -> None:
        self.resources.use(self.lane, self.catalog)


def name_in(lane: str, name: str) -> str:
    """Return the name under which the store keeps something of a lane."""
    return name if lane == DEFAULT_LANE else f"{name}:{lane}"


def _differ(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    # Entry by entry, for one comparison of everything would hold up the other threads.
    return len(new) != len(old) or any(name not in old or old[name] != entry for name, entry in new.items())


def _read(tx: Transaction, name: str) -> dict[str, Any] | None:
    saved = tx.load(name)
    return None if saved is None else orjson.loads(saved)
