"""Plans, devices and permissions: collected page by page, replaced as a whole, kept in the store."""

from __future__ import annotations

import pytest

from queue_server.access import Policy
from queue_server.access.metadata_keys import MetadataKeys
from queue_server.access.startup_files import StartupFiles
from queue_server.clock import Chance
from queue_server.core.model import State
from queue_server.engine.turn import Turn
from queue_server.handlers.resources import Resources
from queue_server.handlers.startup import take_at_start
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.protocol.worker_link import CatalogPage
from tests.doubles.bench import DEVICES, PLANS, describe_plan

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
        resources.adopt(turn, DEFAULT_LANE, incarnation)
        return turn

    return run


def page(catalog, entries, *, first=True):
    """Return a page."""
    return CatalogPage(number=1, catalog=catalog, first=first, entries=entries)


async def test_nothing_is_replaced_before_the_commit(store, resources):
    resources.receive("w", page("plans", PLANS))

    def work(tx):
        resources.adopt(Turn(tx, State(epoch=1), 0.0, Chance.seeded(1)), DEFAULT_LANE, "w")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.transact(work)
    assert resources.catalog_of(DEFAULT_LANE).plans_existing == {}
    await store.transact(resources.restore)
    assert resources.catalog_of(DEFAULT_LANE).plans_existing == {}


async def test_pages_add_up_to_the_catalog(resources, adopt):
    resources.receive("w", page("plans", {"count": PLANS["count"]}))
    resources.receive("w", page("plans", {"scan": PLANS["scan"]}, first=False))
    resources.receive("w", page("devices", DEVICES))
    state = await adopt()
    assert set(resources.catalog_of(DEFAULT_LANE).plans_existing) == {"count", "scan"}
    assert resources.catalog_of(DEFAULT_LANE).devices_existing == DEVICES
    assert (state.revisions.plans_existing, state.revisions.devices_existing) == (1, 1)


async def test_the_pages_of_two_workers_are_kept_apart(resources, adopt):
    resources.receive("a", page("plans", {"count": PLANS["count"]}))
    resources.receive("b", page("plans", {"scan": PLANS["scan"]}))
    await adopt("b")
    assert set(resources.catalog_of(DEFAULT_LANE).plans_existing) == {"scan"}


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
    assert again.catalog_of(DEFAULT_LANE).plans_existing == PLANS
    assert again.catalog_of(DEFAULT_LANE).devices_existing == DEVICES


async def test_the_catalog_stays_the_same_object_where_nothing_has_changed(resources, adopt):
    resources.receive("w", page("plans", PLANS))
    await adopt()
    catalog = resources.catalog_of(DEFAULT_LANE)
    resources.receive("x", page("plans", PLANS))
    await adopt("x")
    assert resources.catalog_of(DEFAULT_LANE) is catalog


async def test_lists_and_permissions_are_replaced_together(store, resources):
    def work(tx):
        turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
        resources.replace(turn, plans=PLANS, policy=Policy.from_mapping(ONLY_SCAN))
        return turn

    turn = await store.transact(work)
    assert resources.catalog_of(DEFAULT_LANE).plans_existing == {}
    for act in turn.after_commit:
        act()
    assert set(resources.catalog_of(DEFAULT_LANE).plans_allowed("primary")) == {"scan"}
    assert (turn.state.revisions.plans_existing, turn.state.revisions.devices_existing) == (1, 0)


async def test_several_replacements_in_one_turn_add_up_and_one_that_is_undone_does_not_count(store, resources):
    before = resources.policy

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
    catalog = resources.catalog_of(DEFAULT_LANE)
    assert (catalog.plans_existing, catalog.devices_existing) == (PLANS, {})
    assert resources.policy == before
    again = Resources()
    await store.transact(again.restore)
    assert (again.catalog_of(DEFAULT_LANE).plans_existing, again.policy) == (PLANS, before)


async def test_with_anew_all_that_is_given_counts_as_changed(store, resources):
    def work(tx):
        turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
        resources.replace(turn, devices={}, policy=resources.policy, anew=True)
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
    assert resources.catalog_of(DEFAULT_LANE).plans_existing == {}


async def test_each_lane_keeps_its_own_lists_also_over_a_restart(store, resources):
    resources.receive("w", page("plans", PLANS))
    resources.receive("v", page("plans", {"only_b": describe_plan("only_b")}))

    def work(tx):
        turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
        resources.adopt(turn, DEFAULT_LANE, "w")
        resources.adopt(turn, "b", "v")
        return turn

    turn = await store.transact(work)
    for act in turn.after_commit:
        act()
    again = Resources()
    await store.transact(lambda tx: again.restore(tx, (DEFAULT_LANE, "b")))
    for known in (resources, again):
        assert set(known.catalog_of(DEFAULT_LANE).plans_existing) == set(PLANS)
        assert set(known.catalog_of("b").plans_existing) == {"only_b"}
        assert known.catalog_of("c").plans_existing == {}
        assert known.lists_of("b") is known.lists_of("b")
        assert known.lists_of("b").catalog is known.catalog_of("b")


async def test_permissions_and_lists_of_one_turn_meet_in_every_lane(store, resources):
    """Whatever comes first in a turn: the permissions are those of all lanes afterwards."""
    policy = Policy.from_mapping({"user_groups": {"root": {"allowed_plans": [None]}, "other": {}}})
    plans = {"only_b": describe_plan("only_b")}

    def work(tx):
        turn = Turn(tx, State(epoch=1), 0.0, Chance.seeded(1))
        resources.replace(turn, "c", plans=plans)
        resources.replace(turn, policy=policy)
        resources.replace(turn, "b", plans=plans)
        return turn

    turn = await store.transact(work)
    for act in turn.after_commit:
        act()
    assert [resources.catalog_of(lane).policy for lane in (DEFAULT_LANE, "b", "c", "d")] == [policy] * 4
    assert all(set(resources.catalog_of(lane).plans_existing) == {"only_b"} for lane in ("b", "c"))
    assert turn.state.revisions.plans_allowed == 3


async def test_graphs_count_in_a_lane_of_graphs_only(store, resources, adopt):
    graphs = {"rebin": {"dag_id": "rebin", "parameters": {}}}
    resources.receive("w", page("dags", graphs))
    state = await adopt()
    assert (resources.catalog_of(DEFAULT_LANE).dags_existing, state.revisions.plans_existing) == ({}, 0)
    resources.graph_lanes = (DEFAULT_LANE,)
    resources.receive("w", page("dags", graphs))
    state = await adopt()
    assert (resources.catalog_of(DEFAULT_LANE).dags_existing, state.revisions.plans_existing) == (graphs, 1)


async def test_graphs_of_other_startup_code_are_forgotten_at_the_next_start(store, resources, adopt):
    resources.graph_lanes = (DEFAULT_LANE,)
    resources.receive("w", page("dags", {"rebin": {"dag_id": "rebin", "parameters": {}}}))
    await adopt()

    async def start(startup):
        found = Resources({DEFAULT_LANE: StartupFiles(startup)}, graph_lanes=(DEFAULT_LANE,))

        def load(tx):
            found.restore(tx)
            turn = Turn(tx, State(epoch=2), 0.0, Chance.seeded(1))
            take_at_start(turn, found)
            return turn

        for act in (await store.transact(load)).after_commit:
            act()
        return list(found.catalog_of(DEFAULT_LANE).dags_existing)

    assert await start("graphs:a") == ["rebin"]
    assert await start("graphs:a") == ["rebin"]
    assert await start("graphs:b") == []
