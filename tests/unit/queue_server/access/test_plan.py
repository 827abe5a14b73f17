"""Compiled plans: arguments against a description."""

from __future__ import annotations

import math

import pytest

from queue_server.access.plan import CompiledPlan, Limits, Names
from queue_server.protocol.errors import ParameterError

NAMES = Names(dict.fromkeys(["det1", "det1.val", "motor"]), dict.fromkeys(["count", "scan"]))


@pytest.fixture
def check(describe_parameter, describe_plan):
    """Compile a plan with one parameter ``x`` and return the findings for one call of it."""

    def run(value, *annotation, **described):
        kind = described.get("kind")
        plan = CompiledPlan.compile(describe_plan("p", describe_parameter("x", *annotation, **described)), NAMES)
        args = value if kind == "VAR_POSITIONAL" else [] if kind == "VAR_KEYWORD" else [value]
        kwargs = value if kind == "VAR_KEYWORD" else {}
        return [str(error) for error in plan.explain(args, kwargs)]

    return run


def test_a_parameter_without_type_takes_anything(check):
    assert check({"a": [None, "whatever"]}) == []


def test_a_type_that_is_no_text_takes_anything(check):
    assert check("a", 5) == []


@pytest.mark.parametrize("kind", ["__READABLE__", "__MOVABLE__", "__FLYABLE__", "__DEVICE__"])
def test_a_device_must_be_one_that_the_group_may_use(check, kind):
    assert check("det1.val", kind) == []
    assert check("det9", kind) == ["x: given 'det9', accepted a device: one of det1, det1.val, motor"]
    assert check(5, kind) != []


def test_a_device_name_that_stays_a_text_need_not_belong_to_a_device(check):
    assert check(["det9"], "list[__DEVICE__]", convert_device_names=False) == []
    assert check([5], "list[__DEVICE__]", convert_device_names=False) == ["x[0]: given 5, accepted str"]
    assert check("nowhere", "__PLAN__", convert_plan_names=False) == []


def test_a_function_is_given_by_any_text(check):
    assert check("module.function", "__CALLABLE__") == []
    assert check(5, "__CALLABLE__") == ["x: given 5, accepted str"]


def test_a_plan_must_be_one_that_the_group_may_use(check):
    assert check("count", "__PLAN__") == []
    assert check("det1", "__PLAN__") == ["x: given 'det1', accepted a plan: one of count, scan"]
    assert check("det1", "__PLAN_OR_DEVICE__") == []
    assert check("nothing", "__PLAN_OR_DEVICE__") != []


def test_custom_types_take_only_the_listed_names(check):
    lists = {"devices": {"Detectors": ["det1"]}, "plans": {"Plans": ["count"]}, "enums": {"Colours": ["red", 5]}}
    kind = "typing.List[typing.Union[Detectors, Plans, Colours]]"
    assert check(["det1", "count", "red", "5"], kind, lists=lists) == []
    found = check(["motor"], kind, lists=lists)
    assert found == ["x[0]: given 'motor', accepted one of det1 or one of count or one of red, '5'"]


def test_an_empty_list_of_names_takes_nothing_but_an_empty_list(check):
    lists = {"devices": {"Detectors": []}}
    assert check([], "list[Detectors]", lists=lists) == []
    assert "no name is allowed" in check(["det1"], "list[Detectors]", lists=lists)[0]


def test_a_list_of_names_that_is_no_map_is_passed_over(check):
    assert check("det1", "__DEVICE__", lists={"devices": ["det1"]}) == []


def test_names_may_hide_a_built_in_type(check):
    assert check("motor", "__READABLE__", lists={"devices": {"__READABLE__": ["det1"]}}) != []


@pytest.mark.parametrize(
    ("lowest", "highest", "good", "bad", "words"),
    [
        ("0", "10", [0, 10, 5.5], [-1, 10.5, math.nan], "0 to 10"),
        ("0", None, [0, 1e300], [-0.1], "at least 0"),
        (None, "2.5", [-1e300, 2.5], [3], "at most 2.5"),
        (0, 10, [5], [11], "0 to 10"),
        ("-inf", "1e1", [-5], [11], "at most 10"),
    ],
)
def test_numbers_must_be_in_their_range(check, lowest, highest, good, bad, words):
    limits = {"min": lowest, "max": highest}
    for value in good:
        assert check(value, "float", **limits) == []
    for value in bad:
        assert check(value, "float", **limits) == [f"x: given {value}, accepted {words}"]


def test_a_range_without_bounds_is_no_range(check):
    assert check(math.nan, "float", min="-inf", max="inf") == []


def test_numbers_are_looked_for_at_any_depth(check):
    value = {"a": [1, [2, 99]], "b": "text", "c": {"d": 100}}
    assert check(value, min="0", max="10") == [
        "x['c']['d']: given 100, accepted 0 to 10",
        "x['a'][1][1]: given 99, accepted 0 to 10",
    ]


def test_a_value_of_the_wrong_type_is_not_measured_too(check):
    assert check(["99"], "list[float]", max="10") == ["x[0]: given '99', accepted float"]


def test_limits_describe_themselves():
    assert Limits().text == "at most inf"


def test_each_further_positional_argument_is_checked(check):
    assert check([1, 2], "float", kind="VAR_POSITIONAL") == []
    assert check([1, "a"], "float", kind="VAR_POSITIONAL") == ["x[1]: given 'a', accepted float"]
    assert check([1, 99], "float", kind="VAR_POSITIONAL", max="10") == ["x[1]: given 99, accepted at most 10"]


def test_each_further_keyword_argument_is_checked(check):
    assert check({"a": 1}, "float", kind="VAR_KEYWORD") == []
    assert check({"a": 1, "b b": "c"}, "float", kind="VAR_KEYWORD") == ["'b b': given 'c', accepted float"]


LIST_SCAN = "tuple[__MOVABLE__ | typing.Any, list[typing.Any]]"


@pytest.mark.parametrize(
    "values", [["motor", [1, 2]], ["motor", [1], "motor", [2]], [["motor", [1, 2]], ["motor", [1]]], []]
)
def test_groups_of_positional_arguments_may_be_flat_or_nested(check, values):
    assert check(values, LIST_SCAN, kind="VAR_POSITIONAL") == []


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        (["motor"], "x: given 1 values, accepted groups of 2 values: a list of exactly 2: (anything, a list)"),
        (["motor", 5], "x[1]: given 5, accepted a list"),
    ],
)
def test_wrong_groups_of_positional_arguments_are_named(check, values, finding):
    assert check(values, LIST_SCAN, kind="VAR_POSITIONAL") == [finding]


def test_an_empty_tuple_as_type_of_positional_arguments_is_no_trap(check):
    assert check([1], "tuple[()]", kind="VAR_POSITIONAL") != []


def test_mistakes_of_binding_and_of_values_are_found_together(describe_plan, describe_parameter):
    plan = CompiledPlan.compile(
        describe_plan("p", describe_parameter("a", "int"), describe_parameter("b", "int", default="1")), NAMES
    )
    assert [error.field for error in plan.explain([], {"b": "x", "c": 1})] == ["c", "a", "b"]


def test_lists_that_plans_share_are_indexed_once():
    members = ["det1", "det2"]
    names = Names()
    assert names.index(members) is names.index(members)
    assert names.index(members) is not names.index(list(members))


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ("abc", "its parameters are not a list"),
        ([5], "the parameter 5 is not a map"),
        ([{"kind": {"value": 1}}], "None is not the name of a parameter"),
        ([{"name": "a b", "kind": {"value": 1}}], "'a b' is not the name of a parameter"),
        ([{"name": "a"}], "parameter 'a' has the unknown kind None"),
        ([{"name": "a", "kind": {"value": 9}}], "parameter 'a' has the unknown kind 9"),
        ([{"name": "a", "kind": {"value": 1}}] * 2, "two of its parameters have the same name"),
        ([{"name": "a", "kind": {"value": 1}, "min": "low"}], "'min' of parameter 'a' is 'low', which is no number"),
        ([{"name": "a", "kind": {"value": 1}, "max": "nan"}], "'max' of parameter 'a' is 'nan'"),
        ([{"name": "a", "kind": {"value": 1}, "max": [1]}], "'max' of parameter 'a' is [1]"),
    ],
)
def test_a_description_that_cannot_be_used_says_why(parameters, reason):
    with pytest.raises(ParameterError) as caught:
        CompiledPlan.compile({"name": "p", "parameters": parameters}, NAMES)
    assert reason in caught.value.message
    assert "'p'" in caught.value.message


def test_a_plan_without_parameters_takes_no_argument():
    plan = CompiledPlan.compile({"name": "p"}, NAMES)
    assert list(plan.explain([], {})) == []
    assert len(list(plan.explain([1], {"a": 1}))) == 2
