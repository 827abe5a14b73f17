"""The state machine of one device: ``step(state, event)`` returns the next state and what is to be done.

Two rules hold everywhere. What a device sends is never refused here: what does not fit changes nothing. What the queue
or a person asks for is refused with a reason where it does not fit, and changes nothing then.

An item goes through these phases, and each of the arrows to an outcome is taken at most once::

    recording ──recorded──▶ dispatched ──BUSY──▶ acknowledged ──progress──▶ running ──file-transfer──▶ uploading
        │                       │                     │                        │                          │
        ▼                       └─────────────────────┴───────────┬────────────┴──────────────────────────┘
     returned                                                     ▼
                         done      the callback has ended, and all files are verified and as many as expected
                         failed    ERROR, or the grace for uploads is over
                         unknown   connection lost, no acknowledgement, too long, given up ──▶ done | failed

``uploading`` is also where an item waits after the end of the callback. An ``unknown`` item is resolved by a person, or
as ``done`` by what the device delivers on a newer connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from http_gateway.dialects.scanhub import (
    rules_connection,
    rules_dispatch,
    rules_storing,
    rules_timer,
)
from http_gateway.dialects.scanhub.answers import Change
from http_gateway.dialects.scanhub.effects import Effect, SetTimer
from http_gateway.dialects.scanhub.endings import finish
from http_gateway.dialects.scanhub.events import Event, FrameReceived, FrameRejected
from http_gateway.dialects.scanhub.frames import TEXT_BOUNDS, DeviceFrame, read_frame
from http_gateway.dialects.scanhub.model import DEFAULT_LIMITS, Limits, Scan, State, Timer
from http_gateway.dialects.scanhub.refusals import FrameError, OversizeError
from queue_server.protocol.codec import Bounds


@dataclass(frozen=True, slots=True)
class Step:
    """The state after an event, and what it orders."""

    state: State
    effects: tuple[Effect, ...] = ()


RULES: Mapping[type, Callable[[State, Any], Change]] = {
    **rules_connection.RULES,
    **rules_dispatch.RULES,
    **rules_storing.RULES,
    **rules_timer.RULES,
}


def step(state: State, event: Event) -> Step:
    """Return what ``event`` makes of ``state``.

    Raises:
        StateError: the queue or a person asks for something that does not fit; nothing has changed.
        DispatchError: the device cannot take the item now; likewise.
        NotFoundError: there is no such item; likewise.
    """
    state, effects = RULES[type(event)](state, event)
    return Step(state, effects)


def read_text(
    text: str,
    generation: int,
    at: float,
    *,
    read: Callable[[str, Bounds], DeviceFrame] = read_frame,
    bounds: Bounds = TEXT_BOUNDS,
) -> FrameReceived | FrameRejected:
    """Return the event of a text frame, whatever it contains."""
    try:
        return FrameReceived(at, generation, read(text, bounds))
    except FrameError as error:
        is_oversize = isinstance(error, OversizeError)
        return FrameRejected(at, generation, error.reason, error.message, is_oversize)


def restore(device_id: str, generation: int, scans: Iterable[Scan], at: float, limits: Limits = DEFAULT_LIMITS) -> Step:
    """Return the session of a device after a start of the gateway, from what was made durable before.

    An item that was active when the gateway ended becomes unknown, since its connection was lost, unless its callback
    had ended: then the grace for its uploads begins anew. Each token lasts as if its item had just ended, so that the
    keeper of expired tokens leaves those out.

    Args:
        device_id: UUID of the device in its canonical form.
        generation: that of the last connection, however it ended.
        scans: items whose tokens still count, and unknown ones; at most one has no outcome.
        at: now, in seconds of the monotonic clock.
        limits: the settings of the session.
    """
    known = tuple(scans)
    ended = tuple(scan for scan in known if scan.outcome is not None)
    active = next((scan for scan in known if scan.outcome is None), None)
    state = State(device_id, limits, generation, scan=active, ended=ended)
    effects: list[Effect] = [SetTimer(Timer("token", scan.item_uid), _token_s(scan, limits)) for scan in ended]
    if active is None:
        return Step(state, tuple(effects))
    if not active.callback_ended:
        if active.phase == "recording":
            # Its start may have left in the moment before the end; then the device has its token, and delivers.
            active = replace(active, phase="dispatched")
        state, lost = finish(state, active, "unknown", "the gateway ended while the item was active")
        return Step(state, (*effects, *lost))
    grace_s = active.order.upload_grace_s
    state = state.with_scan(replace(active, grace_until=at + grace_s))
    return Step(state, (*effects, SetTimer(Timer("grace", active.item_uid), grace_s)))


def _token_s(scan: Scan, limits: Limits) -> float:
    return limits.unknown_token_s if scan.outcome == "unknown" else scan.order.upload_grace_s
