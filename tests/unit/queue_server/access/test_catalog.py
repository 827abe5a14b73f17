"""Catalogs: what exists, and what each group may use of it."""

from __future__ import annotations

import time

import pytest

from queue_server.access import EMPTY, Catalog, Policy
from queue_server.protocol.errors import ParameterError


@pytest.fixture
def count(describe_plan, describe_parameter):
    lists = {"devices": {"Detectors": [":^_?det", "stage.dets.a", "_spare"]}}
    return describe_plan("count", describe_parameter("detectors", "typing.List[Detectors]", lists=lists))


@pytest.fixture
def plans(count, describe_plan):
    return [count, describe_plan("scan"), describe_plan("_private")]


def detectors(plan):
    return plan["parameters"][0]["annotation"]["devices"]["Detectors"]


def test_the_existing_ones_are_those_that_were_given(make_catalog, plans, beamline):
    catalog = make_catalog(*plans)
    assert list(catalog.plans_existing) == ["count", "scan", "_private"]
    assert catalog.devices_existing is beamline
    assert detectors(catalog.plans_existing["count"])[0] == ":^_?det"
    assert catalog.plans_existing_reduced["scan"] == {"name": "scan"}
    assert catalog.policy == Policy.default()


def test_a_group_sees_only_what_it_may_use(make_catalog, plans, write_policy):
    policy = write_policy(allowed_plans=["count"], allowed_devices=["det1", "stage.dets.a"])
    catalog = make_catalog(*plans, policy=policy)
    assert list(catalog.plans_allowed("users")) == ["count"]
    assert list(catalog.devices_allowed("users")) == ["det1", "stage"]
    assert detectors(catalog.plans_allowed("users")["count"]) == ["det1", "stage.dets.a"]
    assert detectors(catalog.plans_allowed("root")["count"]) == ["det1", "det2", "stage.dets.a", "_spare"]


def test_what_root_may_not_use_nobody_may(make_catalog, plans, beamline):
    policy = Policy.from_mapping(
        {
            "user_groups": {
                "root": {
                    "allowed_plans": [None],
                    "forbidden_plans": [":^_"],
                    "allowed_devices": [":?.*"],
                    "forbidden_devices": [":^_:?.*", "stage.mtrs"],
                },
                "users": {"allowed_plans": [None, "_private"], "allowed_devices": [":?.*"]},
            }
        }
    )
    catalog = make_catalog(*plans, policy=policy)
    assert list(catalog.plans_allowed("users")) == ["count", "scan"]
    assert "_spare" not in catalog.devices_allowed("users")
    assert catalog.devices_allowed("users")["stage"]["components"]["mtrs"]["excluded"] is True
    assert detectors(catalog.plans_allowed("users")["count"]) == ["det1", "det2", "stage.dets.a"]


def test_the_reduced_form_lists_the_expanded_names(make_catalog, plans):
    (parameter,) = make_catalog(*plans).plans_allowed_reduced("primary")["count"]["parameters"]
    assert parameter["enum"] == ["det1", "det2", "stage.dets.a"]
    assert parameter["is_list"] is True


def test_answers_are_computed_once(make_catalog, plans):
    catalog = make_catalog(*plans)
    assert catalog.plans_allowed("primary") is catalog.plans_allowed("primary")
    assert catalog.devices_allowed("primary") is catalog.devices_allowed("primary")
    group = catalog.for_group("primary")
    assert group.compile_plan("count") is group.compile_plan("count")


def test_a_plan_that_is_not_allowed_cannot_be_compiled(make_catalog, plans):
    with pytest.raises(KeyError):
        make_catalog(*plans).for_group("primary").compile_plan("_private")


@pytest.mark.parametrize("ask", ["plans_allowed", "plans_allowed_reduced", "devices_allowed", "for_group"])
def test_an_unknown_group_is_refused(ask):
    with pytest.raises(ParameterError, match=r"Unknown user group: 'visitors'\. Known groups: 'root', 'primary'"):
        getattr(EMPTY, ask)("visitors")


def test_the_empty_catalog_knows_the_default_groups():
    assert EMPTY.plans_allowed("primary") == {}
    assert EMPTY.devices_allowed("root") == {}


@pytest.mark.parametrize(("plans", "devices"), [({"count": None}, {}), ({}, {"det": 5}), (None, {})])
def test_descriptions_that_are_no_maps_are_refused(plans, devices):
    with pytest.raises(ParameterError, match="not a map"):
        Catalog.build(plans, devices, Policy.default())


def test_thirteen_thousand_devices_are_expanded_in_less_than_two_seconds(
    describe_device, describe_plan, describe_parameter
):
    devices = {f"det{number}": describe_device() for number in range(13_000)}
    lists = {"devices": {"Detectors": [":^det"]}}
    plans = {
        f"plan{number}": describe_plan(f"plan{number}", describe_parameter("x", "list[Detectors]", lists=lists))
        for number in range(100)
    }
    policy = Policy.from_mapping(
        {
            "user_groups": {
                "root": {"allowed_plans": [None], "allowed_devices": [None], "forbidden_devices": [":^_:?.*"]},
                "users": {"allowed_plans": [":.*"], "allowed_devices": [":?.*:depth=5"]},
            }
        }
    )
    start = time.process_time()
    allowed = Catalog.build(plans, devices, policy).plans_allowed_reduced("users")
    assert time.process_time() - start < 10
    assert len(allowed["plan99"]["parameters"][0]["enum"]) == 13_000
