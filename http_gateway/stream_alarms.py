"""Which events of the log are alarms: what somebody has to know of, in words. It keeps nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Event = Mapping[str, Any]
Data = Mapping[str, Any]

_LEFT_OUT = 300
_Word = Callable[[str, Data], "str | None"]


def alarm_in(event: Event) -> dict[str, Any] | None:
    """Return the alarm that an event of the log is, with the event; None if it is none."""
    kind, lane = str(event.get("kind", "")), str(event.get("lane", ""))
    word = _WORDS.get(kind)
    data: Data = event.get("data") or {}
    text = None if word is None else word(lane, data)
    if text is None:
        return None
    return {"alarm": _name(kind, data), "text": text[:_LEFT_OUT], "event": event}


def _name(kind: str, data: Data) -> str:
    return f"item_{data.get('outcome')}" if kind == "item_finished" else kind


def _finished(lane: str, data: Data) -> str | None:
    match data.get("outcome"):
        case "failed":
            return f"An item of the lane {lane} failed."
        case "unknown":
            return f"Nobody knows how an item of the lane {lane} ended; look at the hardware, then resolve it."
        case _:
            return None


def _exited(lane: str, data: Data) -> str | None:
    return None if data.get("is_expected") else f"The worker of the lane {lane} has ended: {data.get('cause', '')}"


def _stopped(lane: str, data: Data) -> str:
    return f"Emergency stop of the lane {lane} by {data.get('by') or 'nobody known'}: {data.get('reason', '')}"


def _not_stopped(lane: str, data: Data) -> str | None:
    left = [*data.get("failed", ()), *data.get("not_reached", ())]
    return f"Emergency stop of the lane {lane}: {len(left)} devices do not count as stopped." if left else None


_WORDS: Final[Mapping[str, _Word]] = {
    "item_finished": _finished,
    "worker_exited": _exited,
    "device_lost": lambda lane, data: f"The connection to the device {data.get('name') or lane} is gone.",
    "item_held": lambda lane, data: f"The lane {lane} is held: {data.get('reason', '')}",
    "estop": _stopped,
    "estop_reported": _not_stopped,
    "estop_deadline": lambda lane, _: f"Emergency stop of the lane {lane}: its worker does not answer in time.",
    "unknown_attempt": lambda lane, _: f"The worker of the lane {lane} executes an item that is not known here.",
    "unreadable_report": lambda lane, _: f"The worker of the lane {lane} reports what cannot be read.",
    "order_overdue": lambda lane, data: (
        f"The worker of the lane {lane} has not obeyed in time: {data.get('order', '')}"
    ),
    "restored": lambda _, __: "The data were restored from a backup: what came after it is gone.",
}
