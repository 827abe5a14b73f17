"""What a device looks like from outside: computed from its session, and kept nowhere."""

from __future__ import annotations

from typing import Literal

from http_gateway.dialects.scanhub.frames import DeviceStatus
from http_gateway.dialects.scanhub.model import State

DeviceCondition = Literal[
    "duplicate_connection",
    "unresolved",
    "fault",
    "needs_restart",
    "offline",
    "registering",
    "working",
    "ready",
]


def condition_of(state: State) -> DeviceCondition:
    """Return the worst of what is true of the device."""
    if state.is_duplicate:
        return "duplicate_connection"
    if state.unresolved is not None:
        return "unresolved"
    return "fault" if state.faults else _connection_condition(state)


def _connection_condition(state: State) -> DeviceCondition:
    connection = state.connection
    if connection is None or connection.is_leaving:
        return "offline"
    if not connection.is_registered:
        return "needs_restart" if connection.is_overdue else "registering"
    return "ready" if state.scan is None else "working"


def status_of(state: State) -> DeviceStatus:
    """Return the status in ScanHub's words; OFFLINE whenever there is no live connection."""
    if state.connection is None or state.connection.is_leaving:
        return "OFFLINE"
    match condition_of(state):
        case "duplicate_connection" | "unresolved" | "fault":
            return "ERROR"
        case "working":
            return "BUSY"
        case "ready":
            return "ONLINE"
        case _:
            return "OFFLINE"
