"""The reduced form of plan descriptions."""

from __future__ import annotations

import pytest

from queue_server.access.reduced import MAX_DEFAULT_LENGTH, reduce_plans


@pytest.fixture
def reduce(describe_plan, describe_parameter):
    """Reduce a plan with one parameter, and return what is left of the parameter."""

    def run(*annotation, **described):
        plan = describe_plan("p", describe_parameter("x", *annotation, **described))
        (parameter,) = reduce_plans({"p": plan})["p"]["parameters"]
        return {key: value for key, value in parameter.items() if key not in ("name", "kind")}

    return run


def test_a_plan_keeps_its_name_and_description(describe_plan):
    plans = {"p": describe_plan("p", description="Does it."), "q": {"parameters": "none"}}
    assert reduce_plans(plans) == {"p": {"name": "p", "description": "Does it."}, "q": {"name": "q"}}


def test_a_parameter_keeps_its_name_kind_and_description(describe_plan, describe_parameter):
    plan = describe_plan("p", describe_parameter("x", description="The x."), 5)
    assert reduce_plans({"p": plan})["p"]["parameters"] == [
        {
            "name": "x",
            "kind": {"name": "POSITIONAL_OR_KEYWORD", "value": 1},
            "description": "The x.",
            "is_optional": False,
        }
    ]


@pytest.mark.parametrize(
    ("annotation", "reduced"),
    [
        ("float", {"type": "float", "is_list": False}),
        ("int", {"type": "int", "is_list": False}),
        ("str", {"type": "str", "is_list": False}),
        ("typing.List[int]", {"type": "int", "is_list": True}),
        ("list[str]", {"type": "str", "is_list": True}),
        ("float | int | None", {"type": "float", "is_list": False}),
        ("typing.Any", {"is_list": False}),
        ("print", {"is_list": False}),
        ("list[int] | None", {"type": "int", "is_list": False}),
        ("", {}),
        (5, {}),
    ],
)
def test_a_type_is_reduced_to_a_word_and_whether_it_is_a_list(reduce, annotation, reduced):
    assert reduce(annotation) == {**reduced, "is_optional": False}


def test_listed_names_become_an_enumeration(reduce):
    lists = {"devices": {"D": ["det1"]}, "plans": {"P": ["count"]}, "enums": {"E": ["a", "b"], "F": 5}}
    assert reduce("typing.List[typing.Union[D, P, E]]", lists=lists) == {
        "type": "str",
        "enum": ["det1", "count", "a", "b"],
        "is_list": True,
        "is_optional": False,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("None", None), ("(1, [2, 3.5])", [1, [2, 3.5]]), ("{'a': (1,)}", {"a": [1]}), ("{5}", [5])],
)
def test_a_default_is_read_from_its_text(reduce, text, value):
    assert reduce(default=text) == {"is_optional": True, "default": value}


@pytest.mark.parametrize(
    "text",
    ["det1", "b'a'", "1j", "...", "{1: 2}", "(", "nan", "[" * 9000, 5, None, repr("x" * MAX_DEFAULT_LENGTH)],
)
def test_a_default_that_json_cannot_hold_is_left_out(reduce, text):
    assert reduce(default=text) == {"is_optional": True}


def test_limits_become_numbers(reduce):
    assert reduce(min="0", max="10.5", step=0.5) == {"is_optional": False, "min": 0, "max": 10.5, "step": 0.5}


@pytest.mark.parametrize("text", ["low", "inf", "nan", None, True, [1], 10**400])
def test_a_limit_that_is_no_number_is_left_out(reduce, text):
    assert reduce(min=text) == {"is_optional": False}
