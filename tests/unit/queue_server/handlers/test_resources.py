"""Plans, devices and permissions: collected page by page, replaced as a whole, kept in the store."""

from __future__ import annotations

import pytest

from queue_server.access import Policy
from queue_server.access.metadata_keys import MetadataKeys
from queue_server.clock import Chance
from queue_server.core.model import State
from queue_server.engine.turn import Turn
from queue_server.handlers.resources import Resources
from queue_server.protocol.worker_link import CatalogPage
from tests.doubles.bench import DEVICES, PLANS

ONLY_SCAN = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["scan"]}}}


@pytest.fixture
def resources():
    return Resources()


@pytest.fixture
def adopt(store, resources):
    """Adopt what a worker has sent; return the state afterwards."""

    async def run(incarnation="w"):
        turn = await store.transact(lambda tx: work(tx, incarnation))
        for act in turn.after_commit:
            act()
        return turn.state

    def work(tx, incarnation):
        turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
        resources.adopt(turn, incarnation)
        return turn

    return run


def page(catalog, entries, *, first=True):
    """Return a page."""
    return CatalogPage(number=1, catalog=catalog, first=first, entries=entries)


async def test_nothing_is_replaced_before_the_commit(store, resources):
    resources.receive("w", page("plans", PLANS))

    def work(tx):
        resources.adopt(Turn(tx, State(epoch=1), 0.0, Chance.seeded(1)), "w")
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
    await adopt()
    again = Resources()
    await store.transact(again.restore)
    assert again.catalog.plans_existing == PLANS
    assert again.catalog.devices_existing == DEVICES


async def test_the_catalog_stays_the_same_object_where_nothing_has_changed(resources, adopt):
    resources.receive("w", page("plans", PLANS))
    await adopt()
    catalog = resources.catalog
    resources.receive("x", page("plans", PLANS))
    await adopt("x")
    assert resources.catalog is catalog


async def test_lists_and_permissions_are_replaced_together(store, resources):
    def work(tx):
        turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
        resources.replace(turn, plans=PLANS, policy=Policy.from_mapping(ONLY_SCAN))
        return turn

    turn = await store.transact(work)
    assert resources.catalog.plans_existing == {}
    for act in turn.after_commit:
        act()
    assert set(resources.catalog.plans_allowed("primary")) == {"scan"}
    assert (turn.state.revisions.plans_existing, turn.state.revisions.devices_existing) == (1, 0)


async def test_several_replacements_in_one_turn_add_up_and_one_that_is_undone_does_not_count(store, resources):
    before = resources.catalog.policy

    def work(tx):
        turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
        resources.replace(turn, plans=PLANS)
        resources.set_permissions(turn, ONLY_SCAN)
        with pytest.raises(ZeroDivisionError), turn.entry():
            resources.replace(turn, plans={}, devices=DEVICES)
            raise ZeroDivisionError
        resources.set_permissions(turn, before.as_mapping())
        return turn

    for act in (await store.transact(work)).after_commit:
        act()
    assert (resources.catalog.plans_existing, resources.catalog.devices_existing) == (PLANS, {})
    assert resources.catalog.policy == before
    again = Resources()
    await store.transact(again.restore)
    assert (again.catalog.plans_existing, again.catalog.policy) == (PLANS, before)


async def test_with_anew_all_that_is_given_counts_as_changed(store, resources):
    def work(tx):
        turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
        resources.replace(turn, devices={}, policy=resources.catalog.policy, anew=True)
        return turn.state.revisions

    revisions = await store.transact(work)
    assert (revisions.plans_existing, revisions.devices_existing) == (0, 1)
    assert (revisions.plans_allowed > 0, revisions.devices_allowed > 0) == (True, True)


def test_only_permitted_metadata_are_kept():
    resources = Resources(permitted_metadata=MetadataKeys.parse(["/proposal/id"]))
    resources.keep_metadata("default", {"proposal": {"id": 7, "pi": "Ada"}, "scan_id": 1})
    assert resources.metadata == {"default": {"proposal": {"id": 7}}}


async def test_forgotten_pages_do_not_come_back(resources, adopt):
    resources.receive("w", page("plans", PLANS))
    resources.forget("w")
    resources.forget("nobody")
    await adopt()
    assert resources.catalog.plans_existing == {}
