"""Types and values: any type text and any value is judged, and a judgement is always explained."""

from __future__ import annotations

import string

import orjson
from hypothesis import given
from hypothesis import strategies as st

from queue_server.access import Catalog, Policy, validate_item
from queue_server.access.plan import CompiledPlan, Limits, Names
from queue_server.access.type_expression import parse_type
from queue_server.protocol.errors import ParameterError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["det1", "count"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)

LEAF_TYPES = st.sampled_from(
    ["int", "float", "str", "bool", "None", "typing.Any", "__READABLE__", "__PLAN__", "Listed", "numpy.ndarray"]
)
TYPES = st.recursive(
    LEAF_TYPES,
    lambda inner: st.one_of(
        inner.map("typing.List[{}]".format),
        inner.map("collections.abc.Sequence[{}]".format),
        inner.map("typing.Iterable[{}]".format),
        inner.map("typing.Optional[{}]".format),
        st.tuples(inner, inner).map(lambda pair: f"dict[{pair[0]}, {pair[1]}]"),
        st.tuples(inner, inner).map(lambda pair: f"tuple[{pair[0]}, {pair[1]}]"),
        st.tuples(inner, inner).map(" | ".join),
    ),
    max_leaves=6,
)
NAMES = Names(["det1"], ["count"])
KINDS = st.sampled_from([0, 1, 2, 3, 4])


def describe(text, kind=1, **more):
    annotation = {"type": text, "devices": {"Listed": ["det1"]}}
    return {"name": "x", "kind": {"value": kind}, "annotation": annotation, **more}


@given(TYPES, VALUES)
def test_a_value_is_accepted_exactly_if_nothing_is_wrong_with_it(text, value):
    shape = CompiledPlan.compile({"name": "p", "parameters": [describe(text)]}, NAMES).parameters["x"].shape
    assert shape.accepts(value) is not any(shape.explain(value, "x"))
    assert shape.text


@given(TYPES, VALUES)
def test_a_union_with_none_accepts_no_less(text, value):
    if parse_type(text).accepts(value):
        assert parse_type(f"{text} | None").accepts(value)


@given(st.text(max_size=60) | st.text(string.ascii_letters + "[](),.|'\"_ ", max_size=60), VALUES)
def test_any_text_is_a_type(text, value):
    shape = parse_type(text)
    assert shape.accepts(value) in (True, False)


@given(VALUES, st.floats(-10, 0), st.floats(0, 10))
def test_no_number_outside_its_range_gets_through(value, lowest, highest):
    found = list(Limits(lowest, highest).explain(value, "x"))
    assert bool(found) is not all(lowest <= number <= highest for number in numbers_in(value))


def numbers_in(value):
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from numbers_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from numbers_in(item)


@given(
    TYPES,
    KINDS,
    st.fixed_dictionaries(
        {},
        optional={
            "item_type": st.sampled_from(["plan", "instruction", "function"]) | VALUES,
            "name": st.sampled_from(["p", "queue_stop"]) | VALUES,
            "args": st.lists(VALUES, max_size=3) | VALUES,
            "kwargs": st.dictionaries(st.sampled_from(["x", "y"]), VALUES) | VALUES,
            "meta": VALUES,
        },
    ),
)
def test_any_item_is_accepted_or_refused_with_findings_that_can_be_sent(text, kind, item):
    plans = {"p": {"name": "p", "parameters": [describe(text, kind)]}}
    catalog = Catalog.build(plans, {"det1": {}}, Policy.default())
    error = refusal(item, catalog)
    if error is not None:
        assert error.message
        assert orjson.loads(orjson.dumps(error.details))["field"] == error.field
        orjson.dumps(error.message)


def refusal(item, catalog):
    try:
        return validate_item(item, catalog, "primary")
    except ParameterError as error:
        return error
