"""Rules for what a device says of itself and of its scans: registration, status, progress and errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from http_gateway.dialects.scanhub.answers import Change, say
from http_gateway.dialects.scanhub.effects import (
    CancelTimer,
    DescribeDevice,
    Effect,
    NoteFault,
    ReportEvidence,
    ReportProgress,
    SetTimer,
)
from http_gateway.dialects.scanhub.endings import advance, finish, settle
from http_gateway.dialects.scanhub.frames import EXTENSIONS, DeviceStatus, Register, UpdateStatus
from http_gateway.dialects.scanhub.model import Scan, State, Timer
from http_gateway.dialects.scanhub.ownership import find_owner


def register(state: State, frame: Register) -> Change:
    """Take what the device says of itself; from now on it can be given items."""
    state = state.with_connection(
        is_registered=True, is_overdue=False, is_leaving=False, has_extensions=frame.data.protocol == EXTENSIONS
    )
    described = DescribeDevice(state.generation, frame.data.told, frame.data.parameter)
    timer = CancelTimer(Timer("register", str(state.generation)))
    return state, (timer, described, *say(state, "The device is registered."))


def update_status(state: State, frame: UpdateStatus, at: float) -> Change:
    """Apply a status to the item that it names, else to the active one, else to the device."""
    return _RULES[frame.status](state, frame, at)


def _take_busy(state: State, frame: UpdateStatus, at: float) -> Change:
    state = state.with_connection(is_leaving=False)
    if not frame.names_no_scan:
        return _take_progress(state, frame, at)
    scan = _sent(state)
    if scan is None:
        return state, ()
    # A first-generation device knows no ids, and has nothing else to report on.
    is_first = state.connection is not None and state.connection.client == "first"
    return _note_busy(state, scan, frame.progress if is_first else None)


def _take_progress(state: State, frame: UpdateStatus, at: float) -> Change:
    scan = find_owner(state, frame.task_id, frame.user_access_token)
    if scan is None:
        return state, ()
    if scan.outcome is not None:
        return _take_late_progress(state, scan, frame.progress, at)
    return (
        _note_busy(state, scan, frame.progress)
        if frame.status == "BUSY"
        else _note_progress(state, scan, frame.progress)
    )


def _note_busy(state: State, scan: Scan, progress: int | None) -> Change:
    has_files = bool(scan.results or scan.failed) or state.has_open_upload(scan.item_uid)
    reached = "acknowledged" if progress is None else "uploading" if has_files else "running"
    state, moved = advance(state, scan, reached)
    state, told = _note_progress(state, state.find(scan.item_uid) or scan, progress)
    return state, (*moved, *told)


def _note_progress(state: State, scan: Scan, progress: int | None, *, is_late: bool = False) -> Change:
    if progress is None or progress == scan.progress:
        return state, ()
    return state.with_scan(replace(scan, progress=progress)), (ReportProgress(scan.item_uid, progress, is_late),)


def _take_late_progress(state: State, scan: Scan, progress: int | None, at: float) -> Change:
    if scan.outcome != "unknown":
        return state, ()
    state, told = _note_progress(state, scan, progress, is_late=True)
    # Only a newer connection shows that the device has lived on after the loss.
    if progress == 100 and state.generation > scan.generation:
        state = state.with_scan(replace(state.find(scan.item_uid) or scan, is_late_complete=True))
    state, settled = settle(state, scan.item_uid, at)
    return state, (*told, *settled)


def _take_online(state: State, frame: UpdateStatus, at: float) -> Change:
    if not frame.names_no_scan:
        return _take_progress(state, frame, at)
    connection = state.connection
    state, effects = _clear_fault(state) if connection is not None and connection.is_registered else (state, ())
    state = state.with_connection(is_leaving=False)
    scan = state.scan
    if scan is None or scan.callback_ended:
        state, ended = _note_late_end(state)
    elif scan.phase in ("recording", "dispatched"):
        # It was sent before the device had read the start.
        ended: tuple[Effect, ...] = ()
    else:
        state, ended = _end_callback(state, scan, at)
    return state, (*effects, *ended)


def _note_late_end(state: State) -> Change:
    """The device is free again after a scan that nobody waits for any more."""
    connection, unknown = state.connection, state.unresolved
    was_quiet = connection is not None and connection.is_quiet
    state = state.with_connection(is_quiet=False)
    if not was_quiet or unknown is None or unknown.generation != state.generation:
        return state, ()
    return state, (ReportEvidence(unknown.item_uid, "The device says that its scan has ended."),)


def _end_callback(state: State, scan: Scan, at: float) -> Change:
    grace_s = scan.order.upload_grace_s
    scan = replace(scan, callback_ended=True, grace_until=at + grace_s)
    state = state.with_connection(is_quiet=False).with_scan(scan)
    effects: tuple[Effect, ...] = (CancelTimer(Timer("scan", scan.item_uid)),)
    if scan.lacks or state.has_open_upload(scan.item_uid):
        state, moved = advance(state, scan, "uploading")
        effects = (*effects, *moved, SetTimer(Timer("grace", scan.item_uid), grace_s))
    state, settled = settle(state, scan.item_uid, at)
    return state, (*effects, *settled)


def _clear_fault(state: State) -> Change:
    return (replace(state, faults=()), (NoteFault(None),)) if state.faults else (state, ())


def _take_error(state: State, frame: UpdateStatus, at: float) -> Change:
    is_general = frame.names_no_scan
    scan = _sent(state) if is_general else find_owner(state, frame.task_id, frame.user_access_token)
    if scan is None and not is_general:
        return state, ()
    text = frame.error_message[: state.limits.text_characters]
    state = state.with_connection(is_leaving=False)
    if state.scan is None or scan is state.scan:
        # This is how a scan can end, too.
        state = state.with_connection(is_quiet=False)
    state, noted = _raise_fault(state, text)
    if scan is None:
        return state, noted
    if scan.outcome is None:
        state, ended = finish(state, scan, "failed", text)
    else:
        state, ended = _keep_text(state, scan, text)
    return state, (*noted, *ended)


def _raise_fault(state: State, text: str) -> Change:
    if text in state.faults or len(state.faults) >= state.limits.texts:
        return state, ()
    state = replace(state, faults=(*state.faults, text))
    return state, (NoteFault(state.fault_message),)


def _keep_text(state: State, scan: Scan, text: str) -> Change:
    if text in scan.texts or len(scan.texts) >= state.limits.texts:
        return state, ()
    return state.with_scan(replace(scan, texts=(*scan.texts, text))), (ReportEvidence(scan.item_uid, text),)


def _take_offline(state: State, frame: UpdateStatus, at: float) -> Change:
    return state.with_connection(is_leaving=True), ()


def _sent(state: State) -> Scan | None:
    """Return the active item if the device can know it."""
    return None if state.scan is None or state.scan.phase == "recording" else state.scan


_RULES: Final[Mapping[DeviceStatus, Callable[[State, UpdateStatus, float], Change]]] = {
    "BUSY": _take_busy,
    "ONLINE": _take_online,
    "ERROR": _take_error,
    "OFFLINE": _take_offline,
}
