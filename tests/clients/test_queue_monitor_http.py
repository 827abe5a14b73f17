"""queue-monitor of bluesky-widgets as it comes from PyPI drives a system over HTTP, with the key from its file."""

from __future__ import annotations

import json

import pytest

from tests.clients.journeys import check, names_of_journeys

PROGRAM = "queue_monitor.py"

# The first of these tests makes all journeys: about half a minute where nothing else runs. The same ones are made over
# 0MQ with every commit, and what differs over HTTP is what bluesky-queueserver-api does there.
pytestmark = [pytest.mark.timeout(300), pytest.mark.night]


@pytest.fixture(scope="module")
def told(run_client, running_system):
    """What became of each journey; all are made in one window, one after the other."""
    with running_system(http="127.0.0.1:0") as system:
        return json.loads(run_client(PROGRAM, system.ready["http"], str(system.data / "api-key"), seconds=240))


@pytest.mark.parametrize("journey", names_of_journeys(PROGRAM))
def test_the_journey_ends_well(told, journey):
    check(told[journey])
