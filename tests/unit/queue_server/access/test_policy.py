"""Reading permissions, and asking them about names."""

from __future__ import annotations

import copy

import pytest

from queue_server.access.policy import MAX_SEARCHES, Policy
from queue_server.protocol.errors import ParameterError

MANUAL = """
user_groups:
  root:
    allowed_plans: [null]
    forbidden_plans: [":^_"]
    allowed_devices: [null]
    forbidden_devices: [":^_:?.*"]
    allowed_functions: [null]
    forbidden_functions: [":^_"]
  primary:
    allowed_plans: [":.*"]
    forbidden_plans: [null]
    allowed_devices: [":?.*:depth=5"]
    forbidden_devices: [null]
    allowed_functions: ["function_sleep"]
  test_user:
    allowed_plans: [":^count", ":scan$"]
    forbidden_plans: [":^adaptive_scan$", ":^inner_product"]
"""


@pytest.fixture
def manual():
    return Policy.from_yaml(MANUAL)


def write(group="primary", **lists):
    return {"user_groups": {"root": {"allowed_plans": [None]}, group: lists}}


def test_the_manuals_example_is_read(manual):
    assert manual.groups == ("root", "primary", "test_user")
    plans = manual.rules_of("test_user").plans
    assert plans.select(["count", "count2", "scan", "adaptive_scan", "inner_product_scan", "fly"]) == [
        "count",
        "count2",
        "scan",
    ]


def test_the_permissions_come_back_as_they_were_given():
    data = write(allowed_plans=[None, ":(", 5], forbidden_devices=["det1", ":^a"])
    assert Policy.from_mapping(data).as_mapping() == data


def test_neither_the_given_map_nor_the_returned_one_is_tied_to_the_policy():
    data = write(allowed_plans=["count"])
    original = copy.deepcopy(data)
    policy = Policy.from_mapping(data)
    data["user_groups"]["primary"]["allowed_plans"].append("scan")
    policy.as_mapping()["user_groups"].clear()
    assert policy.as_mapping() == original
    assert not policy.rules_of("primary").plans.allows("scan")


def test_policies_with_the_same_text_are_equal():
    assert Policy.from_mapping(write()) == Policy.from_mapping(write())
    assert Policy.from_mapping(write()) != Policy.from_mapping(write(allowed_plans=["count"]))


def test_without_a_file_everything_but_private_names_is_allowed():
    policy = Policy.default()
    assert policy.groups == ("root", "primary")
    assert policy.rules_of("root").plans.select(["count", "_count"]) == ["count"]
    assert policy.allows_function("function_sleep", "primary")
    assert not policy.allows_function("_hidden", "primary")


@pytest.mark.parametrize("lists", [{}, {"allowed_plans": []}])
def test_a_missing_or_empty_list_allows_nothing(lists):
    assert not Policy.from_mapping(write(**lists)).rules_of("primary").plans.allows("count")


@pytest.mark.parametrize("forbidden", [[], [None], [None, "count"]])
def test_an_empty_list_or_a_leading_null_forbids_nothing(forbidden):
    policy = Policy.from_mapping(write(allowed_plans=[None], forbidden_plans=forbidden))
    assert policy.rules_of("primary").plans.allows("count")


def test_functions_need_the_permission_of_root_too(manual):
    assert manual.allows_function("function_sleep", "primary")
    assert not manual.allows_function("other", "primary")
    assert not manual.allows_function("function_sleep", "test_user")
    strict = Policy.from_mapping(
        {"user_groups": {"root": {"allowed_functions": ["a"]}, "users": {"allowed_functions": [None]}}}
    )
    assert strict.allows_function("a", "users")
    assert not strict.allows_function("b", "users")


@pytest.mark.parametrize("group", ["visitors", None, 5, ["primary"]])
def test_an_unknown_group_is_refused_with_the_known_ones(manual, group):
    with pytest.raises(ParameterError, match="Unknown user group") as caught:
        manual.rules_of(group)
    assert repr(group) in caught.value.message
    assert "'primary'" in caught.value.message
    assert caught.value.field == "user_group"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "must be a mapping, not None"),
        ([], "must be a mapping"),
        ({}, "'user_groups' of the user group permissions must be a mapping"),
        ({"user_groups": []}, "must be a mapping"),
        ({"user_groups": {}}, "lack the group 'root'"),
        ({"user_groups": {"root": {}}, "more": 1}, "unknown key 'more'"),
        ({"user_groups": {"root": {}, 5: {}}}, "group name 5 is not a text"),
        ({"user_groups": {"root": {}, "primary": None}}, "User group 'primary' must be a mapping"),
        (write(allowed_plan=[]), "User group 'primary': unknown key 'allowed_plan'"),
        (write(allowed_plans="count"), "User group 'primary', list 'allowed_plans': 'count' is not a list"),
        (write(allowed_plans=None), "is not a list"),
        (write(allowed_plans=["count", None]), "null may only be the first entry"),
        (write(allowed_plans=[5]), "User group 'primary', list 'allowed_plans': Pattern 5 is not a text"),
        (write(forbidden_plans=[":("]), "User group 'primary', list 'forbidden_plans': Pattern ':('"),
        (write(allowed_devices=["__X__:a"]), "list 'allowed_devices': Pattern '__X__:a'"),
        (write(allowed_functions=["a.b"]), "list 'allowed_functions': Pattern 'a.b' has several levels"),
        (write(allowed_plans=[":a"] * (MAX_SEARCHES + 1)), "more than 1000 regular expressions"),
    ],
)
def test_bad_permissions_are_refused_by_group_list_and_entry(data, reason):
    with pytest.raises(ParameterError) as caught:
        Policy.from_mapping(data)
    assert reason in caught.value.message
    assert caught.value.field == "user_group_permissions"


def test_any_number_of_plain_names_is_accepted():
    names = [f"plan{number}" for number in range(MAX_SEARCHES + 1)]
    assert Policy.from_mapping(write(allowed_plans=names)).rules_of("primary").plans.allows("plan1000")


@pytest.mark.parametrize("text", ["user_groups: [", "a: !!python/object:os.system {}", b"\xff\xfe\x00", "[" * 1000])
def test_text_that_is_not_yaml_is_refused(text):
    with pytest.raises(ParameterError, match=r"cannot be read as YAML|must be a mapping"):
        Policy.from_yaml(text)
