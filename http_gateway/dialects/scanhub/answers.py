"""What may be said to a device, and when: nothing but a few errors while it scans, since it may not be reading."""

from __future__ import annotations

from http_gateway.dialects.scanhub.effects import Effect, SendFrame
from http_gateway.dialects.scanhub.frames import Complaint, Feedback
from http_gateway.dialects.scanhub.model import State

Change = tuple[State, tuple[Effect, ...]]
"""The state after a rule, and what the rule orders."""


def complain(state: State, code: str, message: str) -> Change:
    """Answer with an error frame; while the device scans only a few times."""
    connection = state.connection
    if connection is None or (connection.is_quiet and connection.complaints_left == 0):
        return state, ()
    if connection.is_quiet:
        state = state.with_connection(complaints_left=connection.complaints_left - 1)
    return state, (SendFrame(connection.generation, Complaint(message=message, code=code)),)


def say(state: State, message: str, result_id: str | None = None) -> tuple[Effect, ...]:
    """Return the feedback to send; nothing while the device scans."""
    connection = state.connection
    if connection is None or connection.is_quiet:
        return ()
    return (SendFrame(connection.generation, Feedback(message=message, result_id=result_id)),)
