"""A data directory with its database, its backups, and a store on it."""

from __future__ import annotations

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.storage.backup import DIRECTORY
from queue_server.storage.directory import DATABASE_FILE
from queue_server.storage.sqlite import open_sqlite


@pytest.fixture
def data(tmp_path):
    """A place for a data directory; there is none yet."""
    return tmp_path / "data"


@pytest.fixture
def file(data):
    """Where its database is."""
    return data / DATABASE_FILE


@pytest.fixture
def backups(data):
    """Where its backups are."""
    return data / DIRECTORY


@pytest.fixture
def reopen(data):
    """Open it, or another directory."""

    def start(directory=data, seed=3):
        return open_sqlite(directory, clock=ManualClock(), chance=Chance.seeded(seed))

    return start


@pytest.fixture
async def store(reopen):
    """A store on it."""
    opened = reopen()
    yield opened
    await opened.close()
