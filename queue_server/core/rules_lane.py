"""Rules for the condition of a lane: held until a person has dealt with what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from queue_server.core.effects import Effect
from queue_server.core.events import HoldReleased
from queue_server.core.model import State


def release(state: State, event: HoldReleased) -> tuple[State, tuple[Effect, ...]]:
    """Open a held lane; any other condition stays."""
    lane = state.lane(event.lane)
    if lane.condition != "held":
        return state, ()
    lane = replace(lane, condition="open", reason="")
    # Nobody else starts the queue of a lane whose worker connects by itself.
    return state.with_lane(replace(lane, autostart=lane.autostart or lane.is_remote)), ()


RULES: Mapping[type, Any] = {HoldReleased: release}
