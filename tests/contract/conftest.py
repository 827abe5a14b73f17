"""What the same tests run on, whichever store it is."""

from __future__ import annotations

import pytest

from queue_server.clock import Chance, ManualClock
from queue_server.storage.memory import open_memory
from queue_server.storage.sqlite import open_sqlite
from tests.faults.places import place_in_memory


@pytest.fixture(params=["memory", "sqlite"])
async def store(request):
    """An empty store in its first epoch."""
    injected = {"clock": ManualClock(), "chance": Chance.seeded(1)}
    with place_in_memory() as place:
        opened = open_memory(**injected) if request.param == "memory" else open_sqlite(place / "data", **injected)
        yield opened
        await opened.close()
