"""The tests themselves: no sleeping, and every kind of test is there."""

from __future__ import annotations

import ast

import pytest

MAY_SLEEP = {"system", "clients", "faults", "processes"}
KINDS = ["architecture", "unit", "property", "contract", "system", "clients", "faults"]


def test_no_test_sleeps_outside_the_process_tests(modules_of_tests):
    found = [
        f"{module}:{node.lineno}"
        for module in modules_of_tests
        if module.where.parts[1] not in MAY_SLEEP
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _called_name(node) == "sleep"
    ]
    assert found == []


def _called_name(call):
    return getattr(call.func, "attr", getattr(call.func, "id", None))


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_tests_of_every_kind(kind, root):
    """A directory that is missing or misspelt would let its make target pass by running nothing."""
    assert list((root / "tests" / kind).rglob("test_*.py"))


def test_unit_tests_mirror_the_source(modules_of_tests, root):
    """tests/unit/PACKAGE/.../test_NAME.py belongs to the module or package PACKAGE/.../NAME."""
    strays = [
        str(module)
        for module in modules_of_tests
        if module.where.parts[1] == "unit" and module.path.stem.startswith("test_") and not _has_source(module, root)
    ]
    assert strays == []


def _has_source(module, root):
    directory = root.joinpath(*module.where.parts[2:-1])
    name = module.path.stem.removeprefix("test_")
    return any(path.exists() for path in (directory / f"{name}.py", directory / f"__{name}__.py", directory / name))
