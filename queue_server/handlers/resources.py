"""Plans, devices and permissions as they are now: reported by the worker, kept in the store, replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from queue_server.access import Catalog, Policy
from queue_server.access.descriptions import Plans
from queue_server.access.devices import Devices
from queue_server.access.lists import Lists
from queue_server.access.metadata_keys import EVERYTHING, MetadataKeys
from queue_server.access.startup_files import NO_FILES, StartupFiles
from queue_server.core.events import CatalogChanged, PermissionsChanged
from queue_server.engine.turn import Turn
from queue_server.protocol.listing import encode_entries
from queue_server.protocol.worker_link import CatalogPage
from queue_server.storage.base import Transaction

Descriptions = dict[str, dict[str, Any]]
Kind = Literal["plans", "devices"]

PERMISSIONS = "permissions"
"""The name under which the store keeps the permissions that hold."""


class Resources:
    """Holds the catalog; a worker's pages replace it in the turn that opens the environment."""

    def __init__(self, files: StartupFiles = NO_FILES, permitted_metadata: MetadataKeys = EVERYTHING) -> None:
        self.files = files
        self.catalog = Catalog.build({}, {}, Policy.default())
        self.metadata: dict[str, Mapping[str, Any]] = {}
        self._permitted_metadata = permitted_metadata
        self._lists = Lists(self.catalog)
        self._pages: dict[str, dict[Kind, Descriptions]] = {}

    @property
    def lists(self) -> Lists:
        """The lists of the present catalog, for the event loop to hand out."""
        if self._lists.catalog is not self.catalog:
            self._lists = Lists(self.catalog)
        return self._lists

    def restore(self, tx: Transaction) -> None:
        """Read what the store has kept."""
        saved = _read(tx, PERMISSIONS)
        policy = Policy.from_mapping(saved) if saved else Policy.default()
        self.catalog = Catalog.build(_read(tx, "plans") or {}, _read(tx, "devices") or {}, policy)

    def receive(self, incarnation: str, page: CatalogPage) -> None:
        """Collect one page; the first page of a list drops what was collected of it before."""
        lists = self._pages.setdefault(incarnation, {"plans": {}, "devices": {}})
        if page.first:
            lists[page.catalog] = {}
        lists[page.catalog].update(page.entries)

    def adopt(self, turn: Turn, incarnation: str) -> None:
        """Make the collected pages of a worker the catalog, save it, and apply what has changed."""
        pages = self._pages.get(incarnation, {"plans": {}, "devices": {}})
        self.replace(turn, plans=pages["plans"], devices=pages["devices"])
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
        *,
        plans: Plans | None = None,
        devices: Devices | None = None,
        policy: Policy | None = None,
        anew: bool = False,
    ) -> None:
        """Put lists and permissions in the place of the present ones, and save and number those that are others.

        With ``anew`` all that is given counts as changed.

        Raises:
            ParameterError: a description cannot be used; nothing is changed.
        """
        old = self.present(turn)
        given: dict[Kind, tuple[Mapping[str, Any] | None, Mapping[str, Any]]] = {
            "plans": (plans, old.plans_existing),
            "devices": (devices, old.devices_existing),
        }
        changed = {
            kind: new for kind, (new, before) in given.items() if new is not None and (anew or _differ(new, before))
        }
        if policy is not None and not anew and policy == old.policy:
            policy = None
        catalog = Catalog.build(
            changed.get("plans", old.plans_existing), changed.get("devices", old.devices_existing), policy or old.policy
        )
        for kind, entries in changed.items():
            turn.tx.save(kind, encode_entries(entries, "json"))
        if policy is not None:
            turn.tx.save(PERMISSIONS, orjson.dumps(policy.as_mapping()))
            turn.apply(PermissionsChanged())
        if changed:
            turn.apply(CatalogChanged(plans="plans" in changed, devices="devices" in changed))
        if changed or policy is not None:
            turn.after_commit.append(_Replacement(self, catalog))

    def present(self, turn: Turn) -> Catalog:
        """Return the catalog as it is inside a turn, in which other requests may have replaced it already."""
        made = (act.catalog for act in reversed(turn.after_commit) if isinstance(act, _Replacement))
        return next(made, self.catalog)

    def forget(self, incarnation: str) -> None:
        """Drop the pages of a worker that is gone."""
        self._pages.pop(incarnation, None)


@dataclass(frozen=True, slots=True)
class _Replacement:
    """What a turn has made of the catalog; it goes with the turn's other acts if the turn is undone."""

    resources: Resources
    catalog: Catalog

    def __call__(self) -> None:
        self.resources.catalog = self.catalog


def _differ(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    # Entry by entry, for one comparison of everything would hold up the other threads.
    return len(new) != len(old) or any(name not in old or old[name] != entry for name, entry in new.items())


def _read(tx: Transaction, name: str) -> dict[str, Any] | None:
    saved = tx.load(name)
    return None if saved is None else orjson.loads(saved)
