"""An account database and what stands on it."""

from __future__ import annotations

import pytest

from http_gateway.auth.settings import DatabaseSettings
from http_gateway.auth.store import open_store
from queue_server.clock import ManualClock


@pytest.fixture
def store(tmp_path):
    """An empty account database."""
    store = open_store(DatabaseSettings(), tmp_path)
    yield store
    store.close()


@pytest.fixture
def clock():
    """A clock that stands still."""
    return ManualClock()
