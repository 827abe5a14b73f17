"""The newest values of one device: what its signals tell is kept, and given away at most so often."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from device_worker.plain_value import NotPlainError, make_plain, show
from queue_server.protocol.codec import encode
from queue_server.protocol.device_values import MOST_HZ, MOST_VALUE_BYTES, MOST_VALUES_BYTES

LEAST_S: Final = 1 / MOST_HZ
OVERDUE: Final = "The device has not answered yet; it is followed as soon as it has."

_SHOWN = ("value", "timestamp", "units", "precision", "limits", "lower_ctrl_limit", "upper_ctrl_limit")
Content = tuple[dict[str, dict[str, Any]], "bool | None", str, str]


@dataclass(slots=True)
class _Known:
    """What is known of a device, from the moment at which it is first asked for it."""

    expected_s: float | None = None
    has_begun: bool = False
    shown: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])
    is_moving: bool | None = None
    note: str = ""
    error: str = ""


class NewestValues:
    """Takes values from any thread and gives them to one; ``wake`` is called when there is something to give again.

    To take a value costs next to nothing: it is made plain when it is given away, and most are replaced before that.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._fresh: dict[str, tuple[Any, float | None]] = {}
        self._known = _Known()
        self._is_due = False
        self._free_s = float("-inf")

    @property
    def has_failed(self) -> bool:
        """Whether the device is not followed, and why was told."""
        return bool(self._known.error)

    # --- from any thread ------------------------------------------------------------------------------------------

    def expect(self, by_s: float) -> None:
        """Begin anew with a device that has until this monotonic time for its first values."""
        with self._lock:
            self._fresh.clear()
            self._known = _Known(by_s)
            self._is_due = False
        self._wake()

    def tell(self, signal: str, value: Any, timestamp: float | None) -> None:
        """Take the newest value of a signal; ``timestamp`` in seconds since 1970-01-01 UTC."""
        with self._lock:
            self._fresh[signal] = value, timestamp
            is_news = self._note_change()
        if is_news:
            self._wake()

    def tell_moving(self, *, is_moving: bool) -> None:
        """Take whether the device moves."""
        with self._lock:
            self._known.is_moving = is_moving
            is_news = self._note_change()
        if is_news:
            self._wake()

    def begin(self, readings: Mapping[str, Mapping[str, Any]], is_moving: bool | None, note: str) -> None:
        """Take what a device has told when it was read; what its signals have told meanwhile is newer."""
        # Whoever changes a signal meanwhile is not to wait for this.
        shown = {name: _choose(reading) for name, reading in readings.items()}
        with self._lock:
            known = self._known
            known.shown, known.note, known.error = shown, note, ""
            known.is_moving = is_moving if known.is_moving is None else known.is_moving
            known.has_begun = True
            self._note_change()
        self._wake()

    def fail(self, error: str) -> None:
        """Take why the device is not followed."""
        with self._lock:
            self._known.error = error
            self._known.has_begun = True
            self._note_change()
        self._wake()

    def repeat(self) -> None:
        """Have the values told again."""
        with self._lock:
            is_news = self._note_change()
        if is_news:
            self._wake()

    def _note_change(self) -> bool:
        """Return whether nobody has been woken for it yet."""
        was_due, self._is_due = self._is_due, True
        return self._known.has_begun and not was_due

    # --- from the thread that gives them away ---------------------------------------------------------------------

    def due_s(self) -> float | None:
        """Return the monotonic time at which they may be told; None if there is nothing new."""
        known = self._known
        if not known.has_begun:
            return known.expected_s
        return self._free_s if self._is_due else None

    def take(self, now_s: float) -> Content:
        """Return readings, whether the device moves, note and error; the next ones come a while later."""
        with self._lock:
            known = self._known
            fresh: dict[str, tuple[Any, float | None]] = {}
            if known.has_begun:
                fresh, self._fresh = self._fresh, fresh
            else:
                # What has changed meanwhile is newer than what is still to be read.
                known.expected_s, known.error = None, OVERDUE
            content = known.is_moving, known.note, known.error
            self._is_due = False
            self._free_s = now_s + LEAST_S
        # One thread gives away, and a device that is followed anew has other readings.
        for name, (value, timestamp) in fresh.items():
            before = known.shown.get(name, {})
            stamp = before.get("timestamp") if timestamp is None else timestamp
            known.shown[name] = {**before, "value": _make_plain(value), "timestamp": _make_plain(stamp)}
        return _fit(known.shown), *content


def _choose(reading: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _make_plain(reading[key]) for key in _SHOWN if reading.get(key) is not None or key == "value"}


def _make_plain(value: object) -> Any:
    try:
        return make_plain(value, MOST_VALUE_BYTES)
    except NotPlainError:
        return show(value)


def _fit(readings: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a copy of the readings, as far as there is room for them."""
    if len(encode(readings)) <= MOST_VALUES_BYTES:
        return dict(readings)
    fitting: dict[str, dict[str, Any]] = {}
    left_bytes = MOST_VALUES_BYTES
    for name, reading in readings.items():
        size_bytes = len(encode({name: reading}))
        if size_bytes <= left_bytes:
            fitting[name] = reading
            left_bytes -= size_bytes
    return fitting
