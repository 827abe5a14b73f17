"""When a device that connects by itself was there last: kept in the turn in which it goes. It decides nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from msgspec.structs import replace

from queue_server.core.device_status import is_connected
from queue_server.core.model import State
from queue_server.engine.turn import Turn


@contextmanager
def keeping_last_seen(turn: Turn, lane: str) -> Generator[None]:
    """Note the time with the device of a lane, and an event, if what happens inside the block takes it away."""
    was_here = _is_here(turn.state, lane)
    yield
    device = turn.tx.device(lane) if was_here and not _is_here(turn.state, lane) else None
    if device is not None:
        turn.tx.change_device(replace(device, last_seen=float(turn.now)))
        turn.record("device_lost", lane=lane, data={"name": device.name})


def _is_here(state: State, name: str) -> bool:
    return any(lane.name == name and lane.is_remote and is_connected(lane.worker) for lane in state.lanes)
