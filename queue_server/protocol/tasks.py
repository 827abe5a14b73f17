"""Tasks: what a worker does outside the queue: functions, scripts, and what moves or stops a single device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

TaskKind = Literal["function", "script", "update", "device_set", "device_stop"]
TaskState = Literal["running", "completed"]

# How long, and how many, results of tasks are kept.
TASKS_KEPT_S = 24 * 3600.0
TASKS_KEPT = 1_000


class Task(Struct, frozen=True):
    """One task that was sent to a worker; ``content`` is what it has to do.

    ``device`` is what it sets or stops, by its name in the facility.
    """

    uid: str
    lane: str
    kind: TaskKind
    in_background: bool
    time_start: float
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    device: str = ""

    @property
    def moves(self) -> bool:
        """Whether its device is claimed until it ends."""
        return self.kind == "device_set"


class TaskResult(Struct, frozen=True):
    """How a task ended; ``return_value`` is what JSON can say of it. Times are seconds since 1970-01-01 UTC."""

    success: bool
    message: str
    traceback: str
    time_start: float
    time_stop: float
    return_value: Any = None

    def shown(self, uid: str) -> dict[str, Any]:
        """Return the map that clients see."""
        return {
            "task_uid": uid,
            "success": self.success,
            "msg": self.message,
            "traceback": self.traceback,
            "return_value": self.return_value,
            "time_start": self.time_start,
            "time_stop": self.time_stop,
        }
