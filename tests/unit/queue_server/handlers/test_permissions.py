"""Permissions of user groups: told, replaced as a whole, taken from the startup files again."""

from __future__ import annotations

import pytest

from queue_server.protocol.worker_link import CatalogPage, EnvironmentOpened
from tests.doubles.bench import DEVICES, PLANS, USER, plan

ONLY_SCAN = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["scan"]}}}
ONLY_COUNT = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["count"]}}}


async def open_with(bench, permissions):
    """Open the environment of a startup directory with these permissions."""
    await bench.do("environment_open")
    bench.hello(environment="loading")
    bench.tell(CatalogPage, catalog="plans", first=True, entries=PLANS)
    bench.tell(CatalogPage, catalog="devices", first=True, entries=DEVICES)
    await bench.report(EnvironmentOpened, permissions=permissions)


async def allowed(bench):
    """Return the names of the plans that users may run."""
    return set((await bench.do("plans_allowed", user_group="primary"))["plans_allowed"])


async def test_new_permissions_hold_at_once(bench):
    before = bench.status
    assert await bench.do("permissions_set", user_group_permissions=ONLY_SCAN) == {"success": True, "msg": ""}
    assert (await bench.do("permissions_get"))["user_group_permissions"] == ONLY_SCAN
    assert await allowed(bench) == {"scan"}
    assert "allowed plans" in (await bench.refuse("queue_item_add", item=plan("count"), **USER))["msg"]
    for name in ("plans_allowed_uid", "devices_allowed_uid"):
        assert bench.status[name] != before[name]
    for name in ("plans_existing_uid", "devices_existing_uid"):
        assert bench.status[name] == before[name]


async def test_the_same_permissions_again_change_nothing(bench):
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    before = bench.status
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    assert bench.status == before


WRONG = [
    {},
    {"user_groups": {}},
    {"user_groups": {"primary": {}}},
    {"user_groups": {"root": {"allowed_plans": "all"}}},
    {"user_groups": {"root": {"allowed_plans": [":("]}}},
    {"user_groups": {"root": {"allowed_everything": []}}},
    {"user_groups": {"root": {}}, "more": 1},
]


@pytest.mark.parametrize("permissions", WRONG, ids=range(len(WRONG)))
async def test_a_wrong_set_is_refused_and_the_last_good_one_holds(bench, permissions):
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    reply = await bench.refuse("permissions_set", user_group_permissions=permissions)
    assert reply["error"]["code"] == "invalid_parameter"
    assert (await bench.do("permissions_get"))["user_group_permissions"] == ONLY_SCAN


async def test_a_missing_set_is_refused(bench):
    assert "'user_group_permissions' is missing" in (await bench.refuse("permissions_set"))["msg"]


async def test_permissions_outlast_the_manager(bench, make_bench, store):
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    await bench.end()
    assert await allowed(await make_bench(store.reopen())) == {"scan"}


async def test_what_a_person_has_set_holds_when_an_unchanged_environment_opens_again(bench):
    await open_with(bench, ONLY_COUNT)
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    await bench.exit()
    await open_with(bench, ONLY_COUNT)
    assert await allowed(bench) == {"scan"}


async def test_permissions_of_the_startup_files_hold_when_they_have_changed(bench):
    await open_with(bench, ONLY_COUNT)
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    await bench.exit()
    await open_with(bench, ONLY_COUNT | {"user_groups": ONLY_COUNT["user_groups"] | {"guests": {}}})
    assert await allowed(bench) == {"count"}


async def test_the_startup_files_can_be_taken_again(bench):
    await open_with(bench, ONLY_COUNT)
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    await bench.do("permissions_reload", restore_permissions=False)
    assert await allowed(bench) == {"scan"}
    await bench.do("permissions_reload")
    assert await allowed(bench) == {"count"}


async def test_a_reload_changes_the_uids_of_what_is_allowed(bench):
    before = bench.status
    await bench.do("permissions_reload")
    assert bench.status["plans_allowed_uid"] != before["plans_allowed_uid"]
    assert bench.status["plans_existing_uid"] == before["plans_existing_uid"]
