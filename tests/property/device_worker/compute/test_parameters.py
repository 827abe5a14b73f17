"""Parameters of graphs: what is accepted has the types of the graph, and what is refused names its field."""

from __future__ import annotations

from typing import Annotated, Literal

from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from device_worker.compute import graph
from queue_server.protocol.errors import ParameterError

NAMES = ("count", "scale", "mode", "labels", "deep")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
GOOD = st.fixed_dictionaries(
    {"count": st.integers(1, 100)},
    optional={
        "scale": st.integers(-1000, 1000) | st.floats(allow_nan=False, allow_infinity=False),
        "mode": st.sampled_from(["fast", "good"]),
        "labels": st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3),
        "deep": st.none() | st.dictionaries(st.sampled_from("ab"), st.integers(-9, 9)),
    },
)


@graph
def process(
    count: Annotated[int, Field(ge=1, le=100)],
    scale: float = 1.0,
    mode: Literal["fast", "good"] = "good",
    labels: list[str] | None = None,
    deep: dict[str, int] | None = None,
):
    """Take some parameters."""


def check(parameters):
    try:
        return process.check_parameters(parameters), None
    except ParameterError as error:
        return None, error


def is_right(checked):
    return (
        type(checked["count"]) is int
        and 1 <= checked["count"] <= 100
        and type(checked["scale"]) is float
        and checked["mode"] in ("fast", "good")
        and (checked["labels"] is None or all(type(label) is str for label in checked["labels"]))
        and (checked["deep"] is None or all(type(value) is int for value in checked["deep"].values()))
    )


@given(GOOD)
def test_good_parameters_are_accepted_with_the_same_values(parameters):
    checked = process.check_parameters(parameters)
    assert list(checked) == list(NAMES)
    assert is_right(checked)
    assert {name: checked[name] for name in parameters} == parameters


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), JSON, max_size=6))
def test_whatever_is_given_is_either_right_or_refused_by_its_field(parameters):
    checked, error = check(parameters)
    if error is None:
        assert is_right(checked)
        assert set(parameters) <= set(NAMES)
    else:
        named = str(error.field).removeprefix("parameters").removeprefix(".")
        assert not named or any(named.startswith(name) for name in {*NAMES, *parameters})


@given(GOOD, st.sampled_from(NAMES), JSON)
def test_one_wrong_value_is_the_one_that_is_named(parameters, name, value):
    _, error = check({**parameters, name: value})
    errors = error.details["errors"] if error else []
    assert {entry["field"].partition(".")[0] for entry in errors} <= {name}
