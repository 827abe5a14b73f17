"""The parameters of every declared method: what is wrong is always refused by its name, whatever it is."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_server.protocol.errors import ParameterError
from queue_server.protocol.methods import METHODS
from tests.cases import each
from tests.faults.tiers import rounds

TEXT = st.text(max_size=8)
SCALARS = {
    "null": st.none(),
    "boolean": st.booleans(),
    "integer": st.integers(-(2**63), 2**64 - 1),
    "number": st.floats(),
    "string": TEXT,
}
VALUES = st.recursive(
    st.one_of(*SCALARS.values()) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.integers(0, 9), inner, max_size=3),
    max_leaves=6,
)
KINDS = {
    **SCALARS,
    "array": st.lists(VALUES, max_size=3),
    "object": st.dictionaries(TEXT, VALUES, max_size=3),
    "bytes": st.binary(max_size=4),
}
ANYTHING = "anything"
SAMPLES = {
    "boolean": True,
    "integer": 1,
    "number": 1.0,
    "string": "text",
    "array": [],
    "bytes": b"",
    "object": {},
    "null": None,
}


@cache
def read_schema(method):
    """Return for each field which words, and else which types of JSON it accepts; and which fields must be given."""
    schema = method.params.model_json_schema()
    fields = {name: read_field(part) for name, part in schema.get("properties", {}).items()}
    return fields, schema.get("required", [])


def read_field(part):
    forms = part.get("anyOf", [part])
    words = {word for form in forms for word in form.get("enum", [form["const"]] if "const" in form else [])}
    # A form without a type is anything at all.
    types = {form.get("type", ANYTHING) for form in forms if "enum" not in form and "const" not in form}
    return frozenset(words), frozenset(KINDS if ANYTHING in types else types)


def sample(method):
    """Return fitting values for what a method needs."""
    fields, required = read_schema(method)
    values = {}
    for name in required:
        words, types = fields[name]
        if name in PATTERNED:
            values[name] = method.example[name]
            continue
        values[name] = next(iter(words)) if words else SAMPLES[sorted(types)[0]]
    return values


def wrong_values(words, types):
    """Return a strategy of values that none of the accepted forms is."""
    kinds = [strategy for kind, strategy in KINDS.items() if kind not in types and not (kind == "string" and words)]
    if "number" in types:
        kinds.remove(KINDS["integer"])
    if words and "string" not in types:
        kinds.append(TEXT.filter(lambda text: text not in words))
    return st.one_of(kinds)


FIELDS = [
    (method, name)
    for method in METHODS.values()
    for name, (_, types) in read_schema(method)[0].items()
    if types != KINDS.keys()
]
METHOD = st.sampled_from(list(METHODS.values()))
# What no made-up text fits.
PATTERNED = ("artifact_id", "token_sha256")
FIXED = {
    "null": [None],
    "boolean": [True, False],
    "integer": [0, -1, 2**63],
    "number": [1.5, float("nan"), -0.0],
    "string": ["", "5", "no such word", "true"],
    "array": [[], [1], [[]]],
    "object": [{}, {"a": 1}],
    "bytes": [b"", b"front"],
}


def refuse(method, values):
    with pytest.raises(ParameterError) as caught:
        method.parse(values)
    return caught.value


@each("method", METHODS.values(), lambda method: method.name)
def test_what_a_method_needs_is_enough(method):
    assert method.parse(sample(method))


@each("method, name", FIELDS, lambda field: f"{field[0].name}-{field[1]}")
def test_every_field_refuses_every_type_that_it_does_not_declare(method, name):
    _, types = read_schema(method)[0][name]
    wrong = [value for kind, values in FIXED.items() if kind not in types for value in values]
    wrong = [value for value in wrong if not ("number" in types and isinstance(value, int))]
    for value in wrong:
        error = refuse(method, {**sample(method), name: value})
        assert error.field == name
        assert f"'{name}'" in error.message
        assert [entry["field"] for entry in error.details["fields"]] == [name]
    assert len(wrong) > 5


@settings(max_examples=rounds(50, 150))
@given(st.sampled_from(FIELDS), st.data())
def test_a_value_of_a_wrong_type_is_refused_by_the_name_of_its_field(field, data):
    method, name = field
    words, types = read_schema(method)[0][name]
    error = refuse(method, {**sample(method), name: data.draw(wrong_values(words, types))})
    assert error.field == name
    assert f"'{name}'" in error.message


@settings(max_examples=rounds(40, 100))
@given(METHOD, TEXT, VALUES)
def test_a_parameter_that_the_method_does_not_have_is_named(method, name, value):
    fields = read_schema(method)[0]
    if name not in fields:
        error = refuse(method, {**sample(method), name: value})
        assert error.field == name
        assert repr(name) in error.message
        assert str(list(fields)) in error.message


@pytest.mark.parametrize(
    "method", [each for each in METHODS.values() if read_schema(each)[1]], ids=lambda each: each.name
)
def test_each_missing_parameter_is_named(method):
    for name in read_schema(method)[1]:
        error = refuse(method, {key: value for key, value in sample(method).items() if key != name})
        assert error.field == name
        assert f"'{name}': is required" in error.message


@settings(max_examples=rounds(50, 150))
@given(METHOD, st.data())
def test_whatever_is_given_is_checked_parameters_or_a_named_mistake(method, data):
    names = st.sampled_from(sorted(read_schema(method)[0]) or ["x"]) | TEXT | st.integers(0, 3)
    values = data.draw(st.dictionaries(names, VALUES, max_size=4))
    found = attempt(method, values)
    if isinstance(found, ParameterError):
        assert found.field in {*map(str, values), *read_schema(method)[1]}
    else:
        assert isinstance(found, method.params)
        assert {name: getattr(found, name) for name in values} == values


def attempt(method, values):
    try:
        return method.parse(values)
    except ParameterError as error:
        return error
