"""The journeys of a client's program: their names, read without the client, and those of a module side by side."""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
# Where the parts of a list stand that several programs share.
PARTS = PROGRAMS / "queueserver_api"
AT_ONCE = 3


def names_of_journeys(program):
    """Read the list from a program without importing it: the client must not come into this process."""
    return list(_names_in(PROGRAMS / program, "JOURNEYS"))


def _names_in(file, name):
    tree = ast.parse(file.read_text())
    [listed] = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    ]
    assert isinstance(listed, ast.List)
    for entry in listed.elts:
        if isinstance(entry, ast.Starred):
            module, _, part = ast.unparse(entry.value).partition(".")
            yield from _names_in(PARTS / f"{module}.py", part)
        else:
            yield ast.unparse(entry)


@contextmanager
def travelling(request, name, travel):
    """Start what the selected tests of a module ask for by the parameter ``name``; give the outcome of each."""
    wanted = dict.fromkeys(
        item.callspec.params[name]
        for item in request.session.items
        if item.module is request.module and name in getattr(getattr(item, "callspec", None), "params", {})
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {value: pool.submit(travel, value) for value in wanted}


def check(outcome):
    """Fail with what ended a journey too early."""
    if outcome != "done":
        pytest.fail(outcome, pytrace=False)
