"""Warnings about strangers: one in a while, and how many were not told."""

from __future__ import annotations

import asyncio
import logging

from queue_server.transport.complaints import Complaints

LOG = logging.getLogger("complaints")


async def test_what_comes_too_soon_is_counted_and_told_with_the_next_one(caplog):
    complaints = Complaints(LOG, interval_s=0.05)
    for number in range(5):
        complaints.tell("refused: %d", number)
    assert caplog.messages == ["refused: 0"]
    due = asyncio.Event()
    asyncio.get_running_loop().call_later(0.06, due.set)
    await due.wait()
    complaints.tell("refused: %d", 5)
    assert caplog.messages == ["refused: 0", "refused: 5 (4 more like this before)"]
