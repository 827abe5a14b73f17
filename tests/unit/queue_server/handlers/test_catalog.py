"""Lists of plans and devices, whole and reduced, and permissions."""

from __future__ import annotations

import pytest

from tests.doubles.bench import DEVICES, PLANS

METHODS = {
    "plans_allowed": {"user_group": "primary"},
    "plans_existing": {},
    "devices_allowed": {"user_group": "primary"},
    "devices_existing": {},
}


@pytest.mark.parametrize(("method", "params"), METHODS.items())
async def test_a_list_comes_with_the_uid_of_the_status(bench, method, params):
    reply = await bench.do(method, **params)
    assert set(reply) == {"success", "msg", method, f"{method}_uid"}
    assert reply[f"{method}_uid"] == bench.status[f"{method}_uid"]


async def test_everything_that_exists_is_listed_as_it_was_described(bench):
    assert (await bench.do("plans_existing"))["plans_existing"] == PLANS
    assert (await bench.do("devices_existing"))["devices_existing"] == DEVICES


async def test_a_group_sees_only_what_it_may_use(bench):
    assert set((await bench.do("plans_allowed", user_group="primary"))["plans_allowed"]) == {"count", "scan"}
    assert set((await bench.do("devices_allowed", user_group="primary"))["devices_allowed"]) == {"det1"}


@pytest.mark.parametrize(("method", "params"), [(name, METHODS[name]) for name in ("plans_allowed", "plans_existing")])
async def test_plans_can_be_asked_for_in_a_short_form(bench, method, params):
    short = (await bench.do(method, reduced=True, **params))[method]
    assert short["count"]["name"] == "count"
    assert "properties" not in short["count"]


@pytest.mark.parametrize("method", ["plans_allowed", "devices_allowed"])
async def test_a_group_must_be_named_and_known(bench, method):
    reply = await bench.refuse(method)
    assert reply["msg"] == "Incorrect request format: user group is not specified"
    assert (reply[method], reply[f"{method}_uid"]) == ({}, None)
    reply = await bench.refuse(method, user_group="nobody")
    assert "Unknown user group: 'nobody'" in reply["msg"]
    assert (reply[method], reply[f"{method}_uid"]) == ({}, None)


async def test_permissions_are_those_that_hold(bench):
    permissions = (await bench.do("permissions_get"))["user_group_permissions"]
    assert set(permissions["user_groups"]) == {"root", "primary"}
