"""Binding arguments agrees with Python's own calls, for every kind of signature."""

from __future__ import annotations

import inspect
from inspect import Parameter

from hypothesis import given
from hypothesis import strategies as st

from queue_server.access.signature import Kind, Signature, Slot


def nothing():
    return locals()


def plain(a, b=0):
    return locals()


def positions(a, b=0, /):
    return locals()


def positions_then_plain(a, b, /, c, d=0):
    return locals()


def rest(a, *args):
    return locals()


def rest_after_default(a=0, *args):
    return locals()


def only_names(*, a, b=0):
    return locals()


def names_after_rest(a, b=0, *args, c, d=0):
    return locals()


def extra(a, **kwargs):
    return locals()


def position_and_extra(a=0, /, **kwargs):
    return locals()


def needed_position_and_extra(a, /, b=0, **kwargs):
    return locals()


def all_kinds(a, /, b, *args, c, d=0, **kwargs):
    return locals()


FUNCTIONS = [
    nothing,
    plain,
    positions,
    positions_then_plain,
    rest,
    rest_after_default,
    only_names,
    names_after_rest,
    extra,
    position_and_extra,
    needed_position_and_extra,
    all_kinds,
]


def translate(function):
    many = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return Signature.of(
        [
            Slot(one.name, Kind(int(one.kind)), required=one.default is Parameter.empty and one.kind not in many)
            for one in inspect.signature(function).parameters.values()
        ]
    )


@given(
    st.sampled_from(FUNCTIONS),
    st.lists(st.integers(1), max_size=5),
    st.dictionaries(st.sampled_from("abcdefg"), st.integers(1), max_size=5),
)
def test_binding_agrees_with_python(function, args, kwargs):
    binding = translate(function).bind(args, kwargs)
    try:
        received = function(*args, **kwargs)
    except TypeError:
        assert binding.errors
    else:
        assert binding.errors == []
        # What was not given is a default (0), or an empty *args or **kwargs.
        assert binding.values == {name: value for name, value in received.items() if value}
