"""A store of artifacts in a data root of the test, in memory, and short ways to fill it."""

from __future__ import annotations

import pytest

from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.store import open_artifacts
from queue_server.clock import Chance, ManualClock
from tests.faults.places import place_in_memory


@pytest.fixture
def root():
    with place_in_memory() as directory:
        yield directory


@pytest.fixture
def store(root):
    return open_artifacts(root, clock=ManualClock(), chance=Chance.seeded(1), reserve_bytes=0)


@pytest.fixture
def put(store):
    """Store bytes; return the artifact."""

    def put(content, **expected):
        with store.begin(Expectation(**expected)) as writer:
            writer.write(content)
            return writer.commit()

    return put


@pytest.fixture
def file_of(root):
    """Return the file in which an artifact lies."""
    return lambda artifact: root / "artifacts" / artifact.id[:2] / artifact.id


@pytest.fixture
def drafts(root):
    """Return the names of all drafts."""
    return lambda: sorted(path.name for path in (root / "artifacts" / "drafts").iterdir())
