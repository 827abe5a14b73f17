"""Binding arguments: as Python does it, but with every mistake named."""

from __future__ import annotations

import pytest

from queue_server.access.signature import Kind, Signature, Slot


def sign(*slots):
    return Signature.of([Slot(name, Kind[kind], required) for name, kind, required in slots])


A = ("a", "POSITIONAL_OR_KEYWORD", True)
B = ("b", "POSITIONAL_OR_KEYWORD", False)
REST = ("rest", "VAR_POSITIONAL", False)
KEY = ("key", "KEYWORD_ONLY", True)
EXTRA = ("extra", "VAR_KEYWORD", False)
FIRST = ("first", "POSITIONAL_ONLY", True)


@pytest.mark.parametrize(
    ("slots", "args", "kwargs", "values"),
    [
        ((A, B), [1, 2], {}, {"a": 1, "b": 2}),
        ((A, B), [1], {"b": 2}, {"a": 1, "b": 2}),
        ((A, B), [], {"a": 1}, {"a": 1}),
        ((A, REST), [1, 2, 3], {}, {"a": 1, "rest": (2, 3)}),
        ((A, REST), [1], {}, {"a": 1}),
        ((A, REST, KEY), [1, 2], {"key": 5}, {"a": 1, "rest": (2,), "key": 5}),
        ((A, EXTRA), [1], {"x": 2, "y": 3}, {"a": 1, "extra": {"x": 2, "y": 3}}),
        ((A, EXTRA), [1], {}, {"a": 1}),
        ((FIRST, A), [1, 2], {}, {"first": 1, "a": 2}),
        ((FIRST, EXTRA), [1], {"first": 2}, {"first": 1, "extra": {"first": 2}}),
        ((), [], {}, {}),
    ],
)
def test_arguments_reach_their_parameters(slots, args, kwargs, values):
    binding = sign(*slots).bind(args, kwargs)
    assert binding.errors == []
    assert binding.values == values


@pytest.mark.parametrize(
    ("slots", "args", "kwargs", "finding"),
    [
        ((A, B), [], {}, "a: given nothing, accepted a value, because the parameter has no default"),
        ((A, KEY), [1], {}, "key: given nothing, accepted a value, because the parameter has no default"),
        ((A, B), [1, 2, 3], {}, "args: given 3 positional arguments, accepted at most 2 positional arguments"),
        ((A, B), [1], {"c": 5}, "c: given 5 for an unknown parameter, accepted one of a, b"),
        ((A, B), [1], {"a": 5}, "a: given two values, by position and by name, accepted one value"),
        ((FIRST,), [1], {"first": 1}, "first: given a value by name, accepted a value by position only"),
    ],
)
def test_a_mistake_is_named(slots, args, kwargs, finding):
    assert [str(error) for error in sign(*slots).bind(args, kwargs).errors] == [finding]


def test_all_mistakes_are_named_together():
    binding = sign(A, B, KEY).bind([1, 2, 3], {"b": 1, "zz": 2})
    assert [error.field for error in binding.errors] == ["args", "b", "zz", "key"]
