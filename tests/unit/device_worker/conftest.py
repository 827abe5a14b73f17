"""An event loop in a thread, as a RunEngine has one."""

from __future__ import annotations

import asyncio
import threading

import pytest


@pytest.fixture
def loop():
    """An event loop that runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
