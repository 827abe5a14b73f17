"""Sweeps say in a few lines what each of many items gets, and are refused with the place that is wrong."""

from __future__ import annotations

import pytest

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.sweeps import MOST_SWEPT, apply_point, expand


def test_a_grid_combines_all_values_and_the_last_parameter_varies_fastest():
    assert expand({"kind": "grid", "parameters": {"a": [1, 2], "b": ["x", "y"]}}, 10) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]


def test_a_sweep_without_a_kind_is_a_grid():
    assert expand({"parameters": {"a": [1], "b": [2, 3]}}, 10) == [{"a": 1, "b": 2}, {"a": 1, "b": 3}]


def test_a_zip_takes_the_values_side_by_side():
    assert expand({"kind": "zip", "parameters": {"a": [1, 2], "b": {"start": 0, "stop": 5, "num": 2}}}, 10) == [
        {"a": 1, "b": 0},
        {"a": 2, "b": 5},
    ]


def test_a_list_is_taken_as_it_is():
    points = [{"a": 1}, {"b": [2]}, {}]
    assert expand({"kind": "list", "points": points}, 10) == points


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"start": 0, "stop": 1, "num": 3}, [0.0, 0.5, 1.0]),
        ({"start": 1, "stop": 5, "num": 5}, [1, 2, 3, 4, 5]),
        ({"start": 5, "stop": 1, "num": 3}, [5, 3, 1]),
        ({"start": 2.5, "stop": 9, "num": 1}, [2.5]),
        ({"start": 3, "stop": 3, "num": 2}, [3, 3]),
        ({"start": -1e308, "stop": 1e308, "num": 3}, [-1e308, 0.0, 1e308]),
    ],
)
def test_a_range_has_both_its_ends_and_equal_distances(given, expected):
    values = [point["a"] for point in expand({"parameters": {"a": given}}, 10)]
    assert values == expected
    assert [type(value) for value in values] == [type(value) for value in expected]


def test_a_point_replaces_arguments_by_position_and_by_name():
    base = {"name": "scan", "args": [["det1"], "motor", -1, 1], "kwargs": {"num": 5}, "meta": {"sample": "a"}}
    assert apply_point(base, {"args[2]": -3, "args[0]": ["det2"], "num": 7, "md": {}}) == {
        "name": "scan",
        "args": [["det2"], "motor", -3, 1],
        "kwargs": {"num": 7, "md": {}},
        "meta": {"sample": "a"},
    }
    assert base["args"] == [["det1"], "motor", -1, 1]
    assert base["kwargs"] == {"num": 5}


def test_a_base_may_have_neither_args_nor_kwargs():
    assert apply_point({"name": "count"}, {"num": 3}) == {"name": "count", "args": [], "kwargs": {"num": 3}}


@pytest.mark.parametrize(
    ("sweep", "field"),
    [
        ({}, "sweep.parameters"),
        ({"parameters": {}}, "sweep.parameters"),
        ({"parameters": [1]}, "sweep.parameters"),
        ({"parameters": {str(number): [1] for number in range(MOST_SWEPT + 1)}}, "sweep.parameters"),
        ({"parameters": {"a": [1]}, "steps": 3}, "sweep.steps"),
        ({"kind": "random", "parameters": {"a": [1]}}, "sweep.kind"),
        ({"parameters": {"a": []}}, "sweep.parameters.a"),
        ({"parameters": {"a": 3}}, "sweep.parameters.a"),
        ({"parameters": {"a": "abc"}}, "sweep.parameters.a"),
        ({"parameters": {"a": {"start": 1, "stop": 2}}}, "sweep.parameters.a"),
        ({"parameters": {"a": {"start": 1, "stop": 2, "num": 3, "step": 1}}}, "sweep.parameters.a"),
        ({"parameters": {"a": {"start": "1", "stop": 2, "num": 3}}}, "sweep.parameters.a.start"),
        ({"parameters": {"a": {"start": True, "stop": 2, "num": 3}}}, "sweep.parameters.a.start"),
        ({"parameters": {"a": {"start": 0, "stop": float("nan"), "num": 3}}}, "sweep.parameters.a.stop"),
        ({"parameters": {"a": {"start": 0, "stop": 10**400, "num": 3}}}, "sweep.parameters.a.stop"),
        ({"parameters": {"a": {"start": 1, "stop": 2, "num": 0}}}, "sweep.parameters.a.num"),
        ({"parameters": {"a": {"start": 1, "stop": 2, "num": 2.0}}}, "sweep.parameters.a.num"),
        ({"kind": "zip", "parameters": {"a": [1, 2], "b": [1]}}, "sweep.parameters"),
        ({"parameters": {"a": [1]}, "points": [{}]}, "sweep.points"),
        ({"kind": "list"}, "sweep.points"),
        ({"kind": "list", "points": []}, "sweep.points"),
        ({"kind": "list", "points": [{}], "parameters": {}}, "sweep.parameters"),
        ({"kind": "list", "points": [{"a": 1}, 3]}, "sweep.points[1]"),
        ({"kind": "list", "points": [{1: 1}]}, "sweep.points[0]"),
    ],
)
def test_a_sweep_of_another_form_is_refused_with_its_place(sweep, field):
    with pytest.raises(ParameterError) as caught:
        expand(sweep, 100)
    assert caught.value.field == field
    assert field in str(caught.value)


@pytest.mark.parametrize(
    "sweep",
    [
        {"parameters": {name: list(range(1000)) for name in "abcdefgh"}},
        {"parameters": {"a": {"start": 0, "stop": 1, "num": 10**15}}},
        {"kind": "zip", "parameters": {"a": [0] * 101}},
        {"kind": "list", "points": [{}] * 101},
    ],
)
def test_a_sweep_that_stands_for_too_much_is_refused_before_it_is_made(sweep):
    with pytest.raises(ParameterError, match="at most 100"):
        expand(sweep, 100)


@pytest.mark.parametrize(
    ("base", "point", "field"),
    [
        ({"args": [1]}, {"args[1]": 2}, "sweep.parameters.args[1]"),
        ({}, {"args[0]": 2}, "sweep.parameters.args[0]"),
        ({"args": "abc"}, {"num": 2}, "sweep.base.args"),
        ({"kwargs": [1]}, {"num": 2}, "sweep.base.kwargs"),
    ],
)
def test_a_point_that_does_not_fit_its_base_is_refused(base, point, field):
    with pytest.raises(ParameterError) as caught:
        apply_point(base, point)
    assert caught.value.field == field
