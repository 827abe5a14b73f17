"""Rules for deadlines: what was waited for has not come. A deadline of something that is gone changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from http_gateway.dialects.scanhub.answers import Change
from http_gateway.dialects.scanhub.effects import GOING_AWAY, SetTimer
from http_gateway.dialects.scanhub.endings import finish, forget, settle
from http_gateway.dialects.scanhub.events import TimerPassed
from http_gateway.dialects.scanhub.model import State, Timer, TimerKind
from http_gateway.dialects.scanhub.rules_connection import end_connection
from http_gateway.dialects.scanhub.rules_upload import drop_incoming


def take_timer(state: State, event: TimerPassed) -> Change:
    """Apply the rule of the timer."""
    return _RULES[event.timer.kind](state, event.timer, event.at)


def _miss_register(state: State, timer: Timer, at: float) -> Change:
    connection = state.connection
    if connection is None or str(connection.generation) != timer.key or connection.is_registered:
        return state, ()
    return state.with_connection(is_overdue=True), ()


def _miss_life(state: State, timer: Timer, at: float) -> Change:
    connection = state.connection
    if connection is None or str(connection.generation) != timer.key:
        return state, ()
    left_s = connection.last_seen + state.limits.liveness_s - at
    if left_s > 0:
        return state, (SetTimer(timer, left_s),)
    return end_connection(state, at, GOING_AWAY, f"no sign of life for {state.limits.liveness_s:.0f} s")


def _miss_acknowledgement(state: State, timer: Timer, at: float) -> Change:
    scan = state.scan
    if scan is None or scan.item_uid != timer.key or scan.phase != "dispatched":
        return state, ()
    return finish(state, scan, "unknown", f"no acknowledgement within {state.limits.acknowledgement_s:.0f} s")


def _miss_end(state: State, timer: Timer, at: float) -> Change:
    scan = state.scan
    if scan is None or scan.item_uid != timer.key or scan.callback_ended or scan.phase == "recording":
        return state, ()
    return finish(state, scan, "unknown", f"the scan did not end within {scan.order.scan_timeout_s} s")


def _miss_uploads(state: State, timer: Timer, at: float) -> Change:
    scan = state.scan
    if scan is None or scan.item_uid != timer.key or scan.grace_until is None:
        return state, ()
    left_s = scan.grace_until - at
    return (state, (SetTimer(timer, left_s),)) if left_s > 0 else settle(state, scan.item_uid, at)


def _miss_bytes(state: State, timer: Timer, at: float) -> Change:
    upload = state.incoming
    if upload is None or str(upload.number) != timer.key:
        return state, ()
    left_s = upload.last_at + state.limits.upload_idle_s - at
    if left_s > 0:
        return state, (SetTimer(timer, left_s),)
    return drop_incoming(state, at, f"no bytes came for {state.limits.upload_idle_s:.0f} s")


def _expire_token(state: State, timer: Timer, at: float) -> Change:
    scan = state.find(timer.key)
    if scan is None or scan.outcome is None:
        return state, ()
    return forget(state.with_scan(replace(scan, token_expired=True)))


_RULES: Mapping[TimerKind, Callable[[State, Timer, float], Change]] = {
    "register": _miss_register,
    "liveness": _miss_life,
    "acknowledgement": _miss_acknowledgement,
    "scan": _miss_end,
    "grace": _miss_uploads,
    "upload_idle": _miss_bytes,
    "token": _expire_token,
}

RULES: Mapping[type, Any] = {TimerPassed: take_timer}
