"""The options of ``up``: every setting is one, and lanes may be named one by one."""

from __future__ import annotations

import inspect
import typing

import pytest

from queue_server.cli.up import join_repeated, up
from queue_server.config import Settings


def options_of(name):
    """Return the words by which a setting is given on the command line."""
    annotation = inspect.signature(up).parameters[name].annotation
    [option] = typing.get_args(annotation)[1:]
    return {option.default, *option.param_decls} - {..., None}


def test_every_setting_is_an_option():
    assert set(inspect.signature(up).parameters) == set(Settings.model_fields)
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in options_of(name)


@pytest.mark.parametrize(
    ("words", "text"),
    [(None, None), ([], None), (["b=sim"], "b=sim"), (["b=sim", "c=/x", "d=y,e=z"], "b=sim,c=/x,d=y,e=z")],
)
def test_lanes_are_named_one_by_one_or_together(words, text):
    assert "--lane" in options_of("lanes")
    assert join_repeated({"startup": "sim", "lanes": words}) == {"startup": "sim", "lanes": text}


def test_an_option_that_was_not_given_stays_so():
    assert join_repeated({"startup": None})["lanes"] is None
