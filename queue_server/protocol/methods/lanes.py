"""Declaration of the native method that lists the lanes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from queue_server.protocol.method import Method


@dataclass(frozen=True, slots=True)
class Lanes:
    """Every lane as the status describes it, the lane ``default`` first."""

    lanes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


METHODS = (
    Method(
        name="lanes_get",
        summary="List the lanes: what serves each of them, what runs in it, and what it waits for.",
        kind="memory",
        scope="read:status",
        route=("GET", "/lanes"),
        result=Lanes,
        notes="Each lane has a queue, an environment and a worker of its own, and lists of plans and devices of its "
        "own. Methods with the parameter `lane` act in that lane; without it in the lane `default`.",
    ),
)
