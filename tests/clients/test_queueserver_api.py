"""bluesky-queueserver-api as it comes from PyPI, blocking and asynchronous, in both encodings, drives a system."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path

import pytest

PROGRAM = "queueserver_api_journeys.py"
FORMS = [(form, encoding) for form in ("blocking", "asynchronous") for encoding in ("json", "msgpack")]


def names_of_journeys():
    """Read the list from the program without importing it: the client must not come into this process."""
    tree = ast.parse((Path(__file__).parent / "programs" / PROGRAM).read_text())
    [listed] = [
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "JOURNEYS"
    ]
    assert isinstance(listed, ast.List)
    return [ast.unparse(name) for name in listed.elts]


@pytest.fixture(scope="module")
def told(run_client, running_system):
    """What became of each journey, by form and encoding; every combination has a system of its own."""

    @cache
    def travel(form, encoding):
        with running_system(encoding=encoding) as system:
            ready = system.ready
            return json.loads(run_client(PROGRAM, form, encoding, ready["control"], ready["info"]))

    return travel


@pytest.mark.parametrize(("form", "encoding"), FORMS, ids=lambda value: value)
@pytest.mark.parametrize("journey", names_of_journeys())
def test_the_journey_ends_well(told, form, encoding, journey):
    outcome = told(form, encoding)[journey]
    if outcome != "done":
        pytest.fail(outcome, pytrace=False)


def test_a_client_survives_the_death_of_the_manager(run_client, running_system):
    with running_system() as system:
        ready = system.ready
        out = run_client("queueserver_api_restart.py", ready["control"], ready["info"], str(ready["pids"]["manager"]))
        system.wait_ready(2)
        assert json.loads(out) == {"outcome": "completed", "runs": 1, "queue": 0}
