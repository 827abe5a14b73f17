"""queue-monitor of bluesky-widgets as it comes from PyPI drives a system over HTTP, with the key from its file."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

PROGRAM = "queue_monitor.py"

# The first of these tests makes all journeys: about half a minute where nothing else runs.
pytestmark = pytest.mark.timeout(180)


def names_of_journeys():
    """Read the list from the program without importing it: the application must not come into this process."""
    tree = ast.parse((Path(__file__).parent / "programs" / PROGRAM).read_text())
    [listed] = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "JOURNEYS"
    ]
    assert isinstance(listed, ast.List)
    return [ast.unparse(name) for name in listed.elts]


@pytest.fixture(scope="module")
def told(run_client, running_system):
    """What became of each journey; all are made in one window, one after the other."""
    with running_system(http="127.0.0.1:0") as system:
        return json.loads(run_client(PROGRAM, system.ready["http"], str(system.data / "api-key"), seconds=150))


@pytest.mark.parametrize("journey", names_of_journeys())
def test_the_journey_ends_well(told, journey):
    outcome = told[journey]
    if outcome != "done":
        pytest.fail(outcome, pytrace=False)
