"""The event log as it crosses a boundary: what happened, in order, numbered without gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from queue_server.protocol.items import Origin


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One row of the append-only event log; ``seq`` is assigned by the store and 0 before."""

    kind: str
    time: float
    epoch: int
    lane: str = ""
    item_uid: str = ""
    submission: str = ""
    attempt: int = 0
    origin: Origin = Origin()
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seq: int = 0
