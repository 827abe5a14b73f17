"""Plans, devices and permissions: collected page by page, replaced as a whole, kept in the store."""

from __future__ import annotations

import pytest

from queue_server.clock import Chance
from queue_server.core.model import State
from queue_server.engine.turn import Turn
from queue_server.handlers.resources import Resources
from queue_server.protocol.worker_link import CatalogPage, EnvironmentOpened
from tests.doubles.bench import DEVICES, PLANS

ONLY_SCAN = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["scan"]}}}


@pytest.fixture
def resources():
    return Resources()


@pytest.fixture
def adopt(store, resources):
    """Adopt what a worker has sent; return the state afterwards."""

    async def run(incarnation="w", permissions=None):
        turn = await store.transact(lambda tx: work(tx, incarnation, permissions))
        for act in turn.after_commit:
            act()
        return turn.state

    def work(tx, incarnation, permissions):
        turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
        resources.adopt(turn, incarnation, EnvironmentOpened(number=9, permissions=permissions))
        return turn

    return run


def page(catalog, entries, *, first=True):
    """Return a page."""
    return CatalogPage(number=1, catalog=catalog, first=first, entries=entries)


async def test_nothing_is_replaced_before_the_commit(store, resources):
    resources.receive("w", page("plans", PLANS))

    def work(tx):
        resources.adopt(Turn(tx, State(epoch=1), 0.0, Chance.seeded(1)), "w", EnvironmentOpened(number=2))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.transact(work)
    assert resources.catalog.plans_existing == {}
    await store.transact(resources.restore)
    assert resources.catalog.plans_existing == {}


async def test_pages_add_up_to_the_catalog(resources, adopt):
    resources.receive("w", page("plans", {"count": PLANS["count"]}))
    resources.receive("w", page("plans", {"scan": PLANS["scan"]}, first=False))
    resources.receive("w", page("devices", DEVICES))
    state = await adopt()
    assert set(resources.catalog.plans_existing) == {"count", "scan"}
    assert resources.catalog.devices_existing == DEVICES
    assert (state.revisions.plans_existing, state.revisions.devices_existing) == (1, 1)


async def test_the_pages_of_two_workers_are_kept_apart(resources, adopt):
    resources.receive("a", page("plans", {"count": PLANS["count"]}))
    resources.receive("b", page("plans", {"scan": PLANS["scan"]}))
    await adopt("b")
    assert set(resources.catalog.plans_existing) == {"scan"}


async def test_only_the_list_that_changed_gets_another_revision(resources, adopt):
    resources.receive("w", page("plans", PLANS))
    resources.receive("w", page("devices", DEVICES))
    await adopt()
    resources.receive("x", page("plans", PLANS))
    resources.receive("x", page("devices", {}))
    state = await adopt("x")
    revisions = state.revisions
    assert (revisions.plans_existing, revisions.plans_allowed) == (0, 0)
    assert (revisions.devices_existing, revisions.devices_allowed) == (1, 1)


async def test_what_was_adopted_is_restored(store, resources, adopt):
    resources.receive("w", page("plans", PLANS))
    resources.receive("w", page("devices", DEVICES))
    await adopt(permissions=ONLY_SCAN)
    again = Resources()
    await store.transact(again.restore)
    assert again.catalog.plans_existing == PLANS
    assert again.catalog.devices_existing == DEVICES
    assert again.catalog.policy.as_mapping() == ONLY_SCAN


async def test_new_permissions_change_what_is_allowed(resources, adopt):
    resources.receive("w", page("plans", PLANS))
    await adopt()
    resources.receive("x", page("plans", PLANS))
    state = await adopt("x", permissions=ONLY_SCAN)
    assert set(resources.catalog.plans_allowed("primary")) == {"scan"}
    assert (state.revisions.plans_allowed, state.revisions.devices_allowed) == (1, 1)


async def test_wrong_permissions_leave_those_that_hold(resources, adopt, caplog):
    await adopt(permissions=ONLY_SCAN)
    await adopt("x", permissions={"user_groups": {}})
    assert resources.catalog.policy.as_mapping() == ONLY_SCAN
    assert "permissions" in caplog.text


async def test_forgotten_pages_do_not_come_back(resources, adopt):
    resources.receive("w", page("plans", PLANS))
    resources.forget("w")
    resources.forget("nobody")
    await adopt()
    assert resources.catalog.plans_existing == {}
