"""Permissions of user groups: told, replaced as a whole, taken from the startup files again."""

from __future__ import annotations

import pytest
import yaml
from msgspec.structs import replace

from queue_server.access.startup_files import find_startup_files
from queue_server.protocol.items import DEFAULT_LANE
from tests.doubles.bench import DEVICES, PLANS, USER, plan

ONLY_SCAN = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["scan"]}}}
ONLY_COUNT = {"user_groups": {"root": {"allowed_plans": [None]}, "primary": {"allowed_plans": ["count"]}}}


@pytest.fixture
def files(bench, tmp_path):
    """The startup files of the bench: permissions that allow to count, and a list with one plan."""
    (tmp_path / "user_group_permissions.yaml").write_text(yaml.safe_dump(ONLY_COUNT))
    lists = {"existing_plans": {"count": PLANS["count"]}, "existing_devices": DEVICES}
    (tmp_path / "existing_plans_and_devices.yaml").write_text(yaml.safe_dump(lists))
    files = find_startup_files(str(tmp_path), None, None, "on_request")
    bench.resources.files = {DEFAULT_LANE: files}
    return files


UIDS = ("plans_existing_uid", "devices_existing_uid", "plans_allowed_uid", "devices_allowed_uid")


def changed(before, after):
    """Return the names of the uids that have changed."""
    return {name for name in UIDS if before[name] != after[name]}


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


async def test_the_startup_files_can_be_taken_again(bench, files):
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    await bench.do("permissions_reload", restore_permissions=False)
    assert await allowed(bench) == {"scan"}
    await bench.do("permissions_reload")
    assert await allowed(bench) == {"count"}


async def test_a_reload_changes_the_uids_of_what_is_allowed_also_where_nothing_else_changes(bench, files):
    await bench.do("permissions_reload")
    before = bench.status
    await bench.do("permissions_reload")
    assert changed(before, bench.status) == {"plans_allowed_uid", "devices_allowed_uid"}


async def test_the_lists_of_the_file_are_taken_where_that_is_asked_for(bench, files):
    await bench.do("permissions_reload")
    assert set((await bench.do("plans_existing"))["plans_existing"]) == set(PLANS)
    await bench.do("permissions_reload", restore_plans_devices=True)
    assert set((await bench.do("plans_existing"))["plans_existing"]) == {"count"}
    before = bench.status
    await bench.do("permissions_reload", restore_plans_devices=True)
    assert changed(before, bench.status) == set(UIDS)


async def test_what_was_taken_outlasts_the_manager(bench, make_bench, store, files):
    await bench.do("permissions_reload", restore_plans_devices=True)
    await bench.end()
    again = await make_bench(store.reopen())
    assert await allowed(again) == {"count"}
    assert set((await again.do("plans_existing"))["plans_existing"]) == {"count"}


async def test_where_the_permissions_are_never_read_again_a_reload_is_refused(bench, files):
    bench.resources.files = {DEFAULT_LANE: replace(files, reload="never")}
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    before = bench.status
    reply = await bench.refuse("permissions_reload", restore_plans_devices=True)
    assert reply["error"]["code"] == "forbidden"
    assert "permissions_set" in reply["msg"]
    assert changed(before, bench.status) == set()
    await bench.do("permissions_reload", restore_permissions=False, restore_plans_devices=True)
    assert await allowed(bench) == set()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("user_group_permissions.yaml", "- none", "invalid_parameter"),
        ("existing_plans_and_devices.yaml", "- none", "invalid_parameter"),
        ("existing_plans_and_devices.yaml", None, "not_found"),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing(bench, files, tmp_path, name, content, code):
    await bench.do("permissions_set", user_group_permissions=ONLY_SCAN)
    before = bench.status
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_text(content)
    reply = await bench.refuse("permissions_reload", restore_plans_devices=True)
    assert reply["error"]["code"] == code
    assert name in reply["msg"]
    assert changed(before, bench.status) == set()
    assert await allowed(bench) == {"scan"}


async def test_the_lists_of_every_lane_that_has_a_file_are_taken_again(bench, files, tmp_path):
    """The lane default must have one, as long as it is the only one that clients of bluesky-queueserver know."""
    (tmp_path / "b").mkdir()
    lists = {"existing_plans": {"only_b": PLANS["count"]}, "existing_devices": {}}
    (tmp_path / "b" / "existing_plans_and_devices.yaml").write_text(yaml.safe_dump(lists))
    others = {
        lane: find_startup_files(str(tmp_path / lane), tmp_path / "b" if lane == "b" else None, None, "on_request")
        for lane in ("b", "c")
    }
    bench.resources.files = {DEFAULT_LANE: files, **others}
    await bench.do("permissions_reload", restore_plans_devices=True)
    names = {lane: set(bench.resources.catalog_of(lane).plans_existing) for lane in (DEFAULT_LANE, "b", "c")}
    assert names == {DEFAULT_LANE: {"count"}, "b": {"only_b"}, "c": set()}
    assert bench.resources.catalog_of("b").policy.as_mapping() == ONLY_COUNT
    (tmp_path / "existing_plans_and_devices.yaml").unlink()
    await bench.refuse("permissions_reload", restore_plans_devices=True)
