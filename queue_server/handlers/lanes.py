"""Handler of the method that lists the lanes."""

from __future__ import annotations

from queue_server.handlers.context import MemoryContext
from queue_server.handlers.group import group
from queue_server.protocol.method import NoParams
from queue_server.protocol.methods.lanes import Lanes


def list_lanes(context: MemoryContext, _: NoParams) -> Lanes:
    """Return what the status says about each lane."""
    return Lanes([dict(lane) for lane in context.desk.status()["lanes"]])


GROUP = group(memory={"lanes_get": list_lanes})
