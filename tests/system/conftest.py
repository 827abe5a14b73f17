"""A system of real processes for one test."""

from __future__ import annotations

import pytest

from tests.processes.system import System, copy_startup


@pytest.fixture
def startup(tmp_path):
    """A directory with the light startup code and its journal."""
    return copy_startup(tmp_path / "startup")


@pytest.fixture
def make_system(tmp_path):
    """Make systems on the data directory of this test; all are closed at its end, and nothing may be left of them."""
    made = []

    def make(**settings):
        made.append(System(tmp_path, **settings))
        return made[-1]

    yield make
    for system in made:
        system.close()


@pytest.fixture
def system(make_system, startup):
    """A system that is ready, with the light startup code."""
    return make_system(startup=startup).start()
