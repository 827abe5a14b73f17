"""Plans, devices and permissions as they are now: reported by the worker, kept in the store, replaced as a whole."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal, cast

import orjson

from queue_server.access import Catalog, Policy
from queue_server.core.events import CatalogChanged, PermissionsChanged
from queue_server.engine.turn import Turn
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.worker_link import CatalogPage, EnvironmentOpened
from queue_server.storage.base import Transaction

_log = logging.getLogger(__name__)

Descriptions = dict[str, dict[str, Any]]
Kind = Literal["plans", "devices"]

_PERMISSIONS = "permissions"
_STARTUP_PERMISSIONS = "startup_permissions"


class Resources:
    """Holds the catalog; a worker's pages replace it in the turn that opens the environment."""

    def __init__(self) -> None:
        self.catalog = Catalog.build({}, {}, Policy.default())
        self.metadata: dict[str, Mapping[str, Any]] = {}
        self._pages: dict[str, dict[Kind, Descriptions]] = {}

    def restore(self, tx: Transaction) -> None:
        """Read what the store has kept."""
        saved = _read(tx, _PERMISSIONS)
        policy = Policy.from_mapping(saved) if saved else Policy.default()
        self.catalog = Catalog.build(_read(tx, "plans") or {}, _read(tx, "devices") or {}, policy)

    def receive(self, incarnation: str, page: CatalogPage) -> None:
        """Collect one page; the first page of a list drops what was collected of it before."""
        lists = self._pages.setdefault(incarnation, {"plans": {}, "devices": {}})
        if page.first:
            lists[page.catalog] = {}
        lists[page.catalog].update(page.entries)

    def adopt(self, turn: Turn, incarnation: str, opened: EnvironmentOpened) -> None:
        """Make the collected pages the catalog, save it, and apply what has changed."""
        policy = self._choose_policy(turn.tx, opened.permissions)
        self._replace_lists(turn, incarnation, policy)

    def update(self, turn: Turn, incarnation: str) -> None:
        """Make the collected pages the catalog of an environment that is open already."""
        self._replace_lists(turn, incarnation, self.catalog.policy)

    def keep_metadata(self, lane: str, values: Mapping[str, Any]) -> None:
        """Keep what the RunEngine of a lane puts into every run."""
        self.metadata[lane] = values

    def _replace_lists(self, turn: Turn, incarnation: str, policy: Policy) -> None:
        pages = self._pages.get(incarnation, {"plans": {}, "devices": {}})
        old = self.catalog
        catalog = Catalog.build(pages["plans"], pages["devices"], policy)
        plans = pages["plans"] != old.plans_existing
        devices = pages["devices"] != old.devices_existing
        if policy.as_mapping() != old.policy.as_mapping():
            turn.tx.save(_PERMISSIONS, orjson.dumps(policy.as_mapping()))
            turn.apply(PermissionsChanged())
        for kind, changed in (("plans", plans), ("devices", devices)):
            if changed:
                turn.tx.save(kind, orjson.dumps(pages[cast(Kind, kind)], option=orjson.OPT_NON_STR_KEYS))
        if plans or devices:
            turn.apply(CatalogChanged(plans=plans, devices=devices))
        turn.after_commit.append(lambda: self._replace(incarnation, catalog))

    def set_permissions(self, turn: Turn, permissions: Mapping[str, Any]) -> None:
        """Make ``permissions`` those of all groups.

        Raises:
            ParameterError: a group or a pattern in it is wrong; the last good set stays.
        """
        if permissions == self.catalog.policy.as_mapping():
            return
        self._change_policy(turn, Policy.from_mapping(permissions))

    def reload(self, turn: Turn, *, from_startup: bool) -> None:
        """Take the permissions of the startup files again, or without ``from_startup`` the present ones anew."""
        startup = _read(turn.tx, _STARTUP_PERMISSIONS) if from_startup else self.catalog.policy.as_mapping()
        self._change_policy(turn, Policy.from_mapping(startup) if startup else Policy.default())

    def _change_policy(self, turn: Turn, policy: Policy) -> None:
        old = self.catalog
        # Built here, so that a set which cannot be applied is refused before it is saved.
        catalog = Catalog.build(old.plans_existing, old.devices_existing, policy)
        turn.tx.save(_PERMISSIONS, orjson.dumps(policy.as_mapping()))
        turn.apply(PermissionsChanged())
        turn.after_commit.append(lambda: self._use(catalog))

    def _use(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def forget(self, incarnation: str) -> None:
        """Drop the pages of a worker that is gone."""
        self._pages.pop(incarnation, None)

    def _replace(self, incarnation: str, catalog: Catalog) -> None:
        self.catalog = catalog
        self.forget(incarnation)

    def _choose_policy(self, tx: Transaction, permissions: Mapping[str, Any] | None) -> Policy:
        """Return the permissions of the startup files where these have changed, and the present ones otherwise."""
        told = orjson.dumps(permissions)
        if told == tx.load(_STARTUP_PERMISSIONS):
            return self.catalog.policy
        try:
            policy = Policy.default() if permissions is None else Policy.from_mapping(permissions)
            tx.save(_STARTUP_PERMISSIONS, told)
            return policy
        except ParameterError as error:
            # A wrong file must not take rights away or give them: the last good set stays.
            _log.error("The permissions of the startup directory are not used: %s", error)
            return self.catalog.policy


def _read(tx: Transaction, name: str) -> dict[str, Any] | None:
    saved = tx.load(name)
    return None if saved is None else orjson.loads(saved)
