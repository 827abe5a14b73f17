"""What a device looks like from outside: computed from the lane that it serves, and kept nowhere.

The gateway reports the condition of the connection as the state of the worker of that lane; what the manager knows of
the lane itself is added here, so that it holds also when the gateway has just been started anew.
"""

from __future__ import annotations

from msgspec import Struct

from queue_server.core.model import Lane, State, Worker
from queue_server.protocol.devices import DeviceCondition, DeviceStatus

_REPORTED: dict[str | None, DeviceCondition] = {
    "duplicate_connection": "duplicate_connection",
    "unresolved": "unresolved",
    "fault": "fault",
    "needs_restart": "needs_restart",
    "registering": "registering",
    "offline": "offline",
}
_WORST_FIRST: tuple[DeviceCondition, ...] = (
    "duplicate_connection",
    "unresolved",
    "fault",
    "needs_restart",
    "offline",
    "registering",
    "working",
    "ready",
)
_STATUSES: dict[DeviceCondition, DeviceStatus] = {
    "duplicate_connection": "ERROR",
    "unresolved": "ERROR",
    "fault": "ERROR",
    "working": "BUSY",
    "ready": "ONLINE",
}
_NOBODY_KNOWS = " ended as unknown"
"""What the reason says of a lane that is held because nobody knows how its last attempt has ended."""


class Situation(Struct, frozen=True):
    """How a device is: its status in four words, the condition that decides it, and why, for people."""

    status: DeviceStatus
    condition: DeviceCondition
    reason: str = ""

    @property
    def fault_message(self) -> str | None:
        """Why a person has to look after it, if one has to."""
        return self.reason or None if self.condition in ("duplicate_connection", "unresolved", "fault") else None


def find_situation(lane: Lane | None) -> Situation:
    """Return how the device is whose lane this is; one without a lane is offline.

    The worst of what is true of it counts. Without a live connection the status is always OFFLINE.
    """
    if lane is None:
        return Situation("OFFLINE", "offline")
    condition = min(_conditions(lane), key=_WORST_FIRST.index)
    status = _STATUSES.get(condition, "OFFLINE") if is_connected(lane.worker) else "OFFLINE"
    return Situation(status, condition, lane.reason or lane.worker.failure)


def is_connected(worker: Worker) -> bool:
    """Whether what serves a lane is there now, as far as anybody can know."""
    return worker.connected and worker.answering


def is_active(lane: Lane) -> bool:
    """Whether an item of the lane is being done, be it one that this manager does not know any more."""
    return lane.attempt is not None or lane.worker.stray is not None


def is_offered(state: State, lane: Lane) -> bool:
    """Whether the devices of a lane's worker can be used: its environment is open, and it is there."""
    return state.phase == "serving" and lane.worker.environment == "open" and is_connected(lane.worker)


def _conditions(lane: Lane) -> list[DeviceCondition]:
    """Return all that is true of the device."""
    worker = lane.worker
    found: list[DeviceCondition] = []
    if is_connected(worker):
        found.append(_REPORTED.get(worker.re_state, "working" if is_active(lane) else "ready"))
    else:
        found.append("offline")
    if lane.condition == "held" and _NOBODY_KNOWS in lane.reason:
        found.append("unresolved")
    if lane.condition == "estopped":
        found.append("fault")
    return found
