"""queue-monitor of bluesky-widgets as it comes from PyPI, driven with mouse and keyboard without a display."""

from __future__ import annotations

import json

import pytest

from tests.clients.journeys import check, names_of_journeys

PROGRAM = "queue_monitor.py"

# The first of these tests makes all journeys: about half a minute where nothing else runs.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def told(run_client, running_system):
    """What became of each journey; all are made in one window, one after the other."""
    with running_system() as system:
        ready = system.ready
        return json.loads(run_client(PROGRAM, ready["control"], ready["info"], seconds=240))


@pytest.mark.parametrize("journey", names_of_journeys(PROGRAM))
def test_the_journey_ends_well(told, journey):
    check(told[journey])
