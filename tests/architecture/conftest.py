"""The checkout as the architecture tests see it: files and syntax trees, whatever exists at the moment."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("queue_server", "device_worker", "http_gateway")
NOT_OURS = {".git", "__pycache__", "node_modules", "build", "dist", "htmlcov"}


@dataclass(frozen=True)
class Module:
    """One Python file of the project."""

    path: Path

    def __str__(self):
        return str(self.where)

    @property
    def where(self):
        """The path relative to the checkout."""
        return self.path.relative_to(ROOT)

    @property
    def name(self):
        """The dotted name under which the module is imported."""
        parts = self.where.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def text(self):
        """The source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self):
        """The syntax tree."""
        return ast.parse(self.text, filename=str(self.path))


def _python_files(*directories):
    found = [path for name in directories for path in (ROOT / name).rglob("*.py")]
    return [Module(path) for path in sorted(found) if not NOT_OURS & set(path.parts)]


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def packages():
    """The import packages that exist, at least the queue server."""
    existing = [name for name in PACKAGES if (ROOT / name / "__init__.py").exists()]
    assert "queue_server" in existing
    return existing


@pytest.fixture(scope="session")
def source_modules():
    """Every module of the packages."""
    return _python_files(*PACKAGES)


@pytest.fixture(scope="session")
def modules_of_tests():
    """Every Python file under tests/."""
    return _python_files("tests")


@pytest.fixture(scope="session")
def text_files():
    """Every file of the project that a person reads or writes, without environments and caches."""
    suffixes = {".py", ".sql", ".md", ".toml", ".yaml", ".yml", ".txt", ".cfg", ".ini", ".sh", ".service"}
    names = {"Makefile", "run", ".importlinter", ".gitignore"}
    return [path for path in sorted(_walk(ROOT)) if path.suffix in suffixes or path.name in names]


def _walk(directory):
    for path in directory.iterdir():
        if path.is_symlink() or path.name in NOT_OURS:
            continue
        if not path.is_dir():
            yield path
        elif not path.name.startswith(".") or path.name == ".ci":
            yield from _walk(path)
