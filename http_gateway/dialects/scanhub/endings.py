"""How items end: once each, as done only where everything needed for that is there, and what a late proof changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from http_gateway.dialects.scanhub.answers import Change, say
from http_gateway.dialects.scanhub.effects import (
    CancelTimer,
    Effect,
    ReportOutcome,
    ReportPhase,
    ReportResolved,
    SetTimer,
)
from http_gateway.dialects.scanhub.model import Outcome, Phase, Scan, State, Timer

_PHASES: Final[tuple[Phase, ...]] = ("recording", "dispatched", "acknowledged", "running", "uploading")


def advance(state: State, scan: Scan, phase: Phase) -> Change:
    """Let an active item pass through its phases up to ``phase``; it never goes back."""
    passed = _PHASES[_PHASES.index(scan.phase) + 1 : _PHASES.index(phase) + 1]
    if not passed:
        return state, ()
    effects: list[Effect] = [ReportPhase(scan.item_uid, each) for each in passed]
    if "acknowledged" in passed:
        effects.insert(0, CancelTimer(Timer("acknowledgement", scan.item_uid)))
    return state.with_scan(replace(scan, phase=phase)), tuple(effects)


def finish(state: State, scan: Scan, outcome: Outcome, text: str = "") -> Change:
    """End the active item with its one outcome."""
    uid = scan.item_uid
    # The task shows this sentence, and has to say that the outcome is unknown.
    shown = f"unknown: {text}" if outcome == "unknown" else text
    ended = replace(
        scan, outcome=outcome, texts=(*scan.texts, shown) if shown and shown not in scan.texts else scan.texts
    )
    lasts_s = state.limits.unknown_token_s if outcome == "unknown" else scan.order.upload_grace_s
    effects: tuple[Effect, ...] = (
        *(CancelTimer(Timer(kind, uid)) for kind in ("acknowledgement", "scan", "grace")),
        SetTimer(Timer("token", uid), lasts_s),
        ReportOutcome(uid, outcome, shown),
    )
    state, dropped = forget(replace(state, scan=None, ended=(*state.ended, ended)))
    summary = f"Scan {uid} is {outcome}; {len(scan.results)} files are stored." + (f" {text}" if text else "")
    result_id = scan.results[0].result_id if len(scan.results) == 1 else None
    return state, (*effects, *dropped, *say(state, summary, result_id))


def forget(state: State) -> Change:
    """Drop ended items that nothing can happen to any more, and the oldest of too many."""
    kept = [scan for scan in state.ended if not (scan.token_expired and _is_over(state, scan))]
    surplus = len(kept) - state.limits.remembered_items
    dropped = [scan for scan in kept if _is_over(state, scan)][: max(0, surplus)]
    state = replace(state, ended=tuple(scan for scan in kept if scan not in dropped))
    return state, tuple(CancelTimer(Timer("token", scan.item_uid)) for scan in dropped)


def _is_over(state: State, scan: Scan) -> bool:
    return scan.outcome != "unknown" and not state.has_open_upload(scan.item_uid)


def settle(state: State, item_uid: str, at: float) -> Change:
    """End the item if what it waited for has come, or can no longer come."""
    scan = state.find(item_uid)
    if scan is None or state.has_open_upload(item_uid):
        return state, ()
    if scan.outcome is None:
        return _settle_active(state, scan, at)
    if scan.outcome == "unknown":
        return _settle_unknown(state, scan)
    return forget(state)


def _settle_active(state: State, scan: Scan, at: float) -> Change:
    if not scan.callback_ended or scan.grace_until is None:
        return state, ()
    if not scan.lacks:
        return finish(state, scan, "done")
    return finish(state, scan, "failed", scan.lacks) if at >= scan.grace_until else (state, ())


def _settle_unknown(state: State, scan: Scan) -> Change:
    is_proved = scan.is_late_complete and len(scan.late_results) >= scan.order.expected_uploads and not scan.failed
    return resolve(state, scan, "done", "evidence") if is_proved else (state, ())


def resolve(state: State, scan: Scan, outcome: Literal["done", "failed"], by: Literal["evidence", "person"]) -> Change:
    """Say how an unknown item ended; its token counts for a last grace."""
    report = ReportResolved(scan.item_uid, outcome, by)
    state = state.with_scan(replace(scan, outcome=outcome))
    if scan.token_expired:
        state, effects = forget(state)
        return state, (report, *effects)
    return state, (SetTimer(Timer("token", scan.item_uid), scan.order.upload_grace_s), report)
