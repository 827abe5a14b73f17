"""Rules for the connection: the newest one counts, what arrives on it is handed on, and its end is thought through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from http_gateway.dialects.scanhub.answers import Change, complain
from http_gateway.dialects.scanhub.effects import (
    GOING_AWAY,
    POLICY,
    REPLACED,
    TOO_BIG,
    CancelTimer,
    CloseCode,
    CloseConnection,
    DescribeDevice,
    Effect,
    HoldLane,
    ReportReturned,
    SendFrame,
    SetTimer,
)
from http_gateway.dialects.scanhub.endings import finish
from http_gateway.dialects.scanhub.events import (
    AccessRevoked,
    BytesReceived,
    ConnectionClosed,
    ConnectionOpened,
    ConnectionSuperseded,
    FrameReceived,
    FrameRejected,
    PongReceived,
    ShutdownRequested,
)
from http_gateway.dialects.scanhub.frames import FileTransfer, Ping, Pong, Register, UpdateStatus
from http_gateway.dialects.scanhub.model import Connection, State, Timer
from http_gateway.dialects.scanhub.rules_status import register, update_status
from http_gateway.dialects.scanhub.rules_upload import announce, drop_incoming, receive_bytes
from http_gateway.dialects.scanhub.start_frame import Client
from queue_server.protocol.errors import StateError

_FIRST_WORDS: Mapping[type, Client] = {Register: "gen2", UpdateStatus: "gen3"}


def open_connection(state: State, event: ConnectionOpened) -> Change:
    """Let a newer connection take the place of the one that there is."""
    if event.generation == state.generation:
        raise StateError(f"The connection generation {event.generation} was used before; take the next one.")
    if event.generation < state.generation:
        # It was authenticated first and announced last.
        return state, (CloseConnection(event.generation, REPLACED, "a newer connection has taken its place"),)
    was_connected = state.connection is not None
    state, lost = end_connection(state, event.at, REPLACED, "a newer connection has taken its place")
    connection = Connection(event.generation, event.address, event.at, event.client)
    state = replace(state, generation=event.generation, connection=connection)
    key, limits = str(event.generation), state.limits
    timers = (
        SetTimer(Timer("register", key), limits.register_s),
        SetTimer(Timer("liveness", key), limits.liveness_s),
    )
    state, held = _count_replacement(state, event.at) if was_connected else (state, ())
    return state, (*lost, *timers, *held)


def _count_replacement(state: State, at: float) -> Change:
    limits = state.limits
    recent = tuple(time for time in state.replacements if at - time < limits.replacements_within_s)
    state = replace(state, replacements=(*recent, at)[-limits.replacements :])
    if state.is_duplicate or len(state.replacements) < limits.replacements:
        return state, ()
    text = f"{limits.replacements} connections within {limits.replacements_within_s:.0f} s replaced each other"
    return replace(state, is_duplicate=True), (HoldLane(f"duplicate connection: {text}"),)


def close_connection(state: State, event: ConnectionClosed) -> Change:
    """Take note that a connection is gone; of an older one this is no news."""
    if _live(state, event.generation) is None:
        return state, ()
    return lose_connection(state, event.at, "the connection was lost")


def end_connection(state: State, at: float, code: CloseCode, reason: str) -> Change:
    """Close the live connection, if there is one, and decide at once what that means."""
    if state.connection is None:
        return state, ()
    close = CloseConnection(state.connection.generation, code, reason)
    state, lost = lose_connection(state, at, f"the connection was closed: {reason}")
    return state, (close, *lost)


def lose_connection(state: State, at: float, reason: str) -> Change:
    """Decide what the end of the connection means for the upload and the item on it."""
    key = str(state.generation)
    timers = (CancelTimer(Timer("register", key)), CancelTimer(Timer("liveness", key)))
    state, dropped = drop_incoming(replace(state, connection=None), at, reason)
    scan = state.scan
    ended: tuple[Effect, ...] = ()
    if scan is not None and scan.phase == "recording":
        state, ended = replace(state, scan=None), (ReportReturned(scan.item_uid, reason),)
    elif scan is not None and not scan.callback_ended:
        state, ended = finish(state, scan, "unknown", reason)
    return state, (*timers, *dropped, *ended)


def receive_frame(state: State, event: FrameReceived) -> Change:
    """Hand a frame of the live connection to its rule."""
    connection = _live(state, event.generation)
    if connection is None:
        return state, ()
    state = _recognise(state, connection, event)
    match event.frame:
        case Ping():
            return state, (SendFrame(event.generation, Pong()), *_describe_anew(state, connection))
        case Register():
            return register(state, event.frame)
        case UpdateStatus():
            return update_status(state, event.frame, event.at)
        case FileTransfer():
            return announce(state, event.frame, event.at)
        case _:
            return state, ()


def _recognise(state: State, connection: Connection, event: FrameReceived) -> State:
    client, frame = connection.client, event.frame
    if client != "first":
        if not connection.has_spoken:
            client = _FIRST_WORDS.get(type(frame), client)
        if isinstance(frame, Ping):
            client = "gen3"
    return state.with_connection(client=client, has_spoken=True, last_seen=event.at, is_stray_run=False)


def _describe_anew(state: State, before: Connection) -> tuple[DescribeDevice, ...]:
    """Tell of a device that is described already, and is recognised as another than it was taken for."""
    now = state.connection
    is_another = now is not None and now.is_registered and now.client != before.client
    return (DescribeDevice(state.generation, {}, None),) if is_another else ()


def reject_frame(state: State, event: FrameRejected) -> Change:
    """Answer text that is no frame; end the connection only for its size."""
    if _live(state, event.generation) is None:
        return state, ()
    if event.is_oversize:
        return end_connection(state, event.at, TOO_BIG, event.message)
    state = state.with_connection(last_seen=event.at, is_stray_run=False)
    return complain(state, event.reason, event.message)


def take_bytes(state: State, event: BytesReceived) -> Change:
    """Count a binary frame of the live connection; end it if the frame is too large."""
    if _live(state, event.generation) is None:
        return state, ()
    most = state.limits.binary_bytes
    if event.size_bytes > most:
        return end_connection(state, event.at, TOO_BIG, f"a binary frame has at most {most} bytes")
    return receive_bytes(state.with_connection(last_seen=event.at), event.size_bytes, event.at)


def take_pong(state: State, event: PongReceived) -> Change:
    """Take it for a sign of life."""
    return (state if _live(state, event.generation) is None else state.with_connection(last_seen=event.at)), ()


def revoke_access(state: State, event: AccessRevoked) -> Change:
    """End the connection of a device that may no longer be there."""
    if state.scan is not None and not event.is_forced:
        raise StateError(f"The item {state.scan.item_uid} is active; wait for it, or force this and give it up.")
    connected = state.connection is not None
    state, effects = end_connection(state, event.at, POLICY, "the credentials are no longer valid")
    text = "the access of the device was revoked" if connected else "the access of the device was revoked while offline"
    return _give_up(state, effects, text)


def supersede(state: State, event: ConnectionSuperseded) -> Change:
    """Let go of a device that another process serves."""
    state, effects = end_connection(state, event.at, REPLACED, "a newer connection has taken its place")
    return _give_up(state, effects, "the device is served elsewhere")


def _give_up(state: State, effects: tuple[Effect, ...], text: str) -> Change:
    """End what only waited for uploads, which nobody can send here any more."""
    if state.scan is None:
        return state, effects
    state, ended = finish(state, state.scan, "unknown", text)
    return state, (*effects, *ended)


def shut_down(state: State, event: ShutdownRequested) -> Change:
    """End the connection, because the gateway ends."""
    return end_connection(state, event.at, GOING_AWAY, "the gateway is about to end")


def _live(state: State, generation: int) -> Connection | None:
    connection = state.connection
    return connection if connection is not None and connection.generation == generation else None


RULES: Mapping[type, Any] = {
    ConnectionOpened: open_connection,
    ConnectionClosed: close_connection,
    FrameReceived: receive_frame,
    FrameRejected: reject_frame,
    BytesReceived: take_bytes,
    PongReceived: take_pong,
    AccessRevoked: revoke_access,
    ConnectionSuperseded: supersede,
    ShutdownRequested: shut_down,
}
