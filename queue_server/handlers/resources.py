"""Plans, devices and permissions as they are now: reported by the worker, kept in the store, replaced as a whole."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal, cast

import orjson

from queue_server.access import Catalog, Policy
from queue_server.core.events import CatalogChanged
from queue_server.engine.turn import Turn
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.worker_link import CatalogPage, EnvironmentOpened
from queue_server.storage.base import Transaction

_log = logging.getLogger(__name__)

Descriptions = dict[str, dict[str, Any]]
Kind = Literal["plans", "devices"]

_PERMISSIONS = "permissions"


class Resources:
    """Holds the catalog; a worker's pages replace it in the turn that opens the environment."""

    def __init__(self) -> None:
        self.catalog = Catalog.build({}, {}, Policy.default())
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
        pages = self._pages.get(incarnation, {"plans": {}, "devices": {}})
        old = self.catalog
        policy = self._choose_policy(opened.permissions)
        catalog = Catalog.build(pages["plans"], pages["devices"], policy)
        plans = pages["plans"] != old.plans_existing
        devices = pages["devices"] != old.devices_existing
        if policy.as_mapping() != old.policy.as_mapping():
            plans = devices = True
            turn.tx.save(_PERMISSIONS, orjson.dumps(policy.as_mapping()))
        for kind, changed in (("plans", plans), ("devices", devices)):
            if changed:
                turn.tx.save(kind, orjson.dumps(pages[cast(Kind, kind)], option=orjson.OPT_NON_STR_KEYS))
        if plans or devices:
            turn.apply(CatalogChanged(plans=plans, devices=devices))
        turn.after_commit.append(lambda: self._replace(incarnation, catalog))

    def forget(self, incarnation: str) -> None:
        """Drop the pages of a worker that is gone."""
        self._pages.pop(incarnation, None)

    def _replace(self, incarnation: str, catalog: Catalog) -> None:
        self.catalog = catalog
        self.forget(incarnation)

    def _choose_policy(self, permissions: Mapping[str, Any] | None) -> Policy:
        if permissions is None:
            return Policy.default()
        try:
            return Policy.from_mapping(permissions)
        except ParameterError as error:
            # A wrong file must not take rights away or give them: the last good set stays.
            _log.error("The permissions of the startup directory are not used: %s", error)
            return self.catalog.policy


def _read(tx: Transaction, name: str) -> dict[str, Any] | None:
    saved = tx.load(name)
    return None if saved is None else orjson.loads(saved)
