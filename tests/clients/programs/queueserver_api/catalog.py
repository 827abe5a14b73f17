"""Journeys about plans, devices, and which groups may use them."""

from __future__ import annotations

import copy

from bluesky_queueserver_api import BPlan
from steps import count, equal, refused, status_now

LISTS = ("plans_allowed", "plans_existing", "devices_allowed", "devices_existing")


def plans_and_devices_are_described():
    lists = {}
    for name in LISTS:
        reply = yield lambda rm, name=name: getattr(rm, name)(reload=True)
        lists[name] = reply[name]
        equal(reply[f"{name}_uid"], (yield from status_now())[f"{name}_uid"])
        equal((yield lambda rm, name=name: getattr(rm, name)())[name], reply[name])
    equal({"count", "scan", "grid_scan"} <= lists["plans_allowed"].keys() <= lists["plans_existing"].keys(), True)
    equal(lists["plans_allowed"]["count"]["parameters"][0]["name"], "detectors")
    equal({"det1", "motor1"} <= lists["devices_allowed"].keys() <= lists["devices_existing"].keys(), True)
    equal(lists["devices_allowed"]["motor1"]["is_movable"], True)


def groups_see_what_they_may_use():
    narrow = yield lambda rm: rm.plans_allowed(user_group="test_user")
    equal(("count" in narrow["plans_allowed"], "adaptive_scan" in narrow["plans_allowed"]), (True, False))
    narrow = yield lambda rm: rm.devices_allowed(user_group="test_user")
    equal(("det1" in narrow["devices_allowed"], "det3" in narrow["devices_allowed"]), (True, False))
    yield from refused(lambda rm: rm.plans_allowed(user_group="nobody"), "nobody")
    yield from refused(lambda rm: rm.devices_allowed(user_group="nobody"), "nobody")
    yield from refused(lambda rm: rm.item_add(BPlan("adaptive_scan"), user_group="test_user"), "adaptive_scan")


def permissions_are_set_and_reloaded():
    told = yield lambda rm: rm.permissions_get()
    saved = told["user_group_permissions"]
    equal({"root", "primary", "test_user"} <= saved["user_groups"].keys(), True)
    narrow = copy.deepcopy(saved)
    narrow["user_groups"]["primary"]["forbidden_plans"] = [":^count$"]
    before = yield from status_now()
    yield lambda rm: rm.permissions_set(narrow)
    equal((yield lambda rm: rm.permissions_get())["user_group_permissions"], narrow)
    after = yield from status_now()
    for name, same in (("allowed", False), ("existing", True)):
        equal(after[f"plans_{name}_uid"] == before[f"plans_{name}_uid"], same)
    equal("count" in (yield lambda rm: rm.plans_allowed())["plans_allowed"], False)
    yield from refused(lambda rm: rm.item_add(count("a")), "count")

    yield from refused(lambda rm: rm.permissions_set({"user_groups": {"primary": {"allowed_plans": 5}}}))
    yield lambda rm: rm.permissions_reload(restore_permissions=False)
    equal((yield lambda rm: rm.permissions_get())["user_group_permissions"], narrow)
    yield lambda rm: rm.permissions_reload(restore_plans_devices=True)
    equal((yield lambda rm: rm.permissions_get())["user_group_permissions"], saved)
    equal("count" in (yield lambda rm: rm.plans_allowed())["plans_allowed"], True)
    yield lambda rm: rm.permissions_set(narrow)
    yield lambda rm: rm.permissions_reload(restore_permissions=True, restore_plans_devices=False)
    yield lambda rm: rm.item_add(count("a"))
