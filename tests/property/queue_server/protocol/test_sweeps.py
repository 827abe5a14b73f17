"""Whatever a sweep says, it stands for the sets that a plain definition gives, and never for too many."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.sweeps import expand

MOST = 50
VALUES = st.lists(st.integers() | st.floats(allow_nan=False) | st.text(max_size=3), max_size=5)
NUMBERS = st.integers(-(10**6), 10**6) | st.floats(-1e300, 1e300)
RANGES = st.fixed_dictionaries({"start": NUMBERS, "stop": NUMBERS, "num": st.integers(-1, 60)})
NAMES = st.sampled_from(["num", "delay", "args[0]", "args[2]", "x"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(NAMES, VALUES.filter(len), min_size=1))
def test_a_grid_is_the_product_in_the_order_of_loops_within_one_another(parameters):
    expected = [dict(zip(parameters, values, strict=True)) for values in itertools.product(*parameters.values())]
    if len(expected) <= MOST:
        assert expand({"kind": "grid", "parameters": parameters}, MOST) == expected
        return
    with pytest.raises(ParameterError, match=f"{len(expected):,}"):
        expand({"kind": "grid", "parameters": parameters}, MOST)


@given(RANGES.filter(lambda given: given["num"] >= 1))
def test_a_range_begins_and_ends_where_it_says_and_never_turns_back(given):
    if given["num"] > MOST:
        return
    values = [point["x"] for point in expand({"parameters": {"x": given}}, MOST)]
    assert len(values) == given["num"]
    assert values[0] == given["start"]
    assert given["num"] == 1 or values[-1] == given["stop"]
    rising = given["start"] <= given["stop"]
    assert values == sorted(values, reverse=not rising)
    steps = [after - before for before, after in itertools.pairwise(values)]
    assert all(math.isclose(step, steps[0], rel_tol=1e-6, abs_tol=1e-9 * max(map(abs, values))) for step in steps)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "kind": st.sampled_from(["grid", "zip", "list", "other"]) | ANYTHING,
            "parameters": st.dictionaries(NAMES, VALUES | RANGES | ANYTHING, max_size=4) | ANYTHING,
            "points": st.lists(st.dictionaries(NAMES, ANYTHING, max_size=2), max_size=60) | ANYTHING,
            "base": ANYTHING,
        },
    )
)
def test_anything_else_is_refused_with_a_place_or_is_a_list_of_maps(sweep):
    points, place = attempt(sweep)
    assert place.startswith("sweep.") if points is None else 1 <= len(points) <= MOST
    assert all(isinstance(point, dict) for point in points or ())


def attempt(sweep):
    """Return what a sweep stands for, or the place for which it is refused."""
    try:
        return expand(sweep, MOST), ""
    except ParameterError as error:
        return None, str(error.field)
