"""Completeness: what is declared is handled, documented and described."""

from __future__ import annotations

import re

import pytest


@pytest.fixture(scope="module")
def methods():
    # Imported late, so that a broken package fails these tests and not the collection of all.
    from queue_server.protocol.methods import METHODS

    return METHODS


def test_every_declaration_stands_under_its_own_name(methods):
    assert {name for name, method in methods.items() if method.name != name} == set()


def test_every_declared_method_is_handled_and_nothing_else(methods):
    from queue_server.handlers.registry import HANDLERS

    assert set(HANDLERS) == set(methods)


def test_every_declared_method_is_documented(methods, root):
    page = (root / "docs" / "reference" / "methods.md").read_text(encoding="utf-8")
    headings = "\n".join(re.findall(r"^#+ .*$", page, flags=re.MULTILINE))
    assert [name for name in methods if not re.search(rf"\b{name}\b", headings)] == []


def test_every_declared_method_explains_itself(methods):
    assert [name for name, method in methods.items() if not method.summary] == []


def test_every_parameter_of_a_method_is_explained(methods):
    silent = [
        f"{name}: {field}"
        for name, method in methods.items()
        for field, info in method.params.model_fields.items()
        if not info.description
    ]
    assert silent == []
