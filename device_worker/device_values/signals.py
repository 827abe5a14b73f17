"""Subscribes to the signals of a device, of ophyd or of ophyd-async, and ends that. Owns no thread, and reads nothing.

A callback of ophyd runs in whatever thread has changed the signal, which may be that of a plan: what is called here
must return at once.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from device_worker.device_calls import DeviceCallError

SETPOINTS = ("setpoint", "user_setpoint")
"""Where devices of ophyd-async keep the place that they were sent to, which their ``read()`` leaves out."""

# Deeper than any real tree of devices; a device that is among its own parts must not be followed for ever.
_MOST_LEVELS = 16
_VALUE, _READBACK, _START, _DONE = "value", "readback", "start_moving", "done_moving"


class Told(Protocol):
    """Who is told what changes, from any thread; each call returns at once."""

    def tell(self, signal: str, value: Any, timestamp: float | None) -> None:
        """Take the newest value of a signal; ``timestamp`` in seconds since 1970-01-01 UTC."""
        ...

    def tell_moving(self, *, is_moving: bool) -> None:
        """Take whether the device moves."""
        ...


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The names of the signals that are followed, and how to end it."""

    names: frozenset[str]
    stop: Callable[[], None]


def subscribe(
    device: Any, names: Collection[str], told: Told, loop: asyncio.AbstractEventLoop, timeout_s: float
) -> Subscribed:
    """Begin to tell the changes of those signals of a device that its readings name, and of its setpoint.

    Signals of ophyd-async are subscribed to in the event loop, and tell their present value at once.

    Raises:
        DeviceCallError: the event loop has not answered in time.
        Exception: whatever the device raises; nothing is subscribed to then.
    """
    if _is_async(device):
        return _subscribe_async(_find_async(device, names), told, loop, timeout_s)
    return _subscribe_ophyd(device, names, told)


# --- ophyd ----------------------------------------------------------------------------------------------------------


def _subscribe_ophyd(device: Any, names: Collection[str], told: Told) -> Subscribed:
    ends = ExitStack()
    followed: set[str] = set()

    def follow(part: Any, event: str, call: Callable[..., None]) -> None:
        # What was told before may be older than what read() tells, which comes after this.
        number = part.subscribe(call, event_type=event, run=False)
        ends.callback(part.unsubscribe, number)

    with ends:
        for part, event in _find_ophyd(device, names):
            follow(part, event, _make_teller(str(part.name), told))
            followed.add(str(part.name))
        if {_START, _DONE} <= _events_of(device):
            follow(device, _START, lambda **_: told.tell_moving(is_moving=True))
            follow(device, _DONE, lambda **_: told.tell_moving(is_moving=False))
        return Subscribed(frozenset(followed), ends.pop_all().close)


def _find_ophyd(device: Any, names: Collection[str]) -> Iterator[tuple[Any, str]]:
    """Yield what tells one of the readings, and by which kind of event."""
    for part in _ophyd_parts(device):
        events = _events_of(part)
        for event in (_VALUE, _READBACK):
            if event in events and str(part.name) in names:
                yield part, event


def _ophyd_parts(device: Any) -> Iterator[Any]:
    yield device
    for walk in ("walk_subdevices", "walk_signals"):
        if callable(getattr(device, walk, None)):
            # What was not made before describe() has nothing to tell.
            for found in getattr(device, walk)(include_lazy=False):
                yield found.item if hasattr(found, "item") else found[1]


def _events_of(part: Any) -> frozenset[str]:
    if not callable(getattr(part, "subscribe", None)) or not callable(getattr(part, "unsubscribe", None)):
        return frozenset()
    events = getattr(part, "event_types", ())
    return (
        frozenset(str(event) for event in events) if isinstance(events, (tuple, list, set, frozenset)) else frozenset()
    )


def _make_teller(name: str, told: Told) -> Callable[..., None]:
    def tell(*_: Any, value: Any = None, timestamp: float | None = None, **__: Any) -> None:
        told.tell(name, value, timestamp)

    return tell


# --- ophyd-async ----------------------------------------------------------------------------------------------------


def _is_async(device: Any) -> bool:
    return inspect.iscoroutinefunction(getattr(device, "connect", None))


def _find_async(device: Any, names: Collection[str]) -> dict[str, Any]:
    found = {str(part.name): part for part in _async_parts(device) if str(part.name) in names}
    for attribute in SETPOINTS:
        part = getattr(device, attribute, None)
        if callable(getattr(part, "subscribe_reading", None)):
            found.setdefault(str(getattr(part, "name", attribute)), part)
    return found


def _async_parts(device: Any, levels: int = _MOST_LEVELS) -> Iterator[Any]:
    if callable(getattr(device, "subscribe_reading", None)):
        yield device
    elif callable(getattr(device, "children", None)) and levels > 0:
        for _, part in device.children():
            yield from _async_parts(part, levels - 1)


def _subscribe_async(
    signals: Mapping[str, Any], told: Told, loop: asyncio.AbstractEventLoop, timeout_s: float
) -> Subscribed:
    ends = ExitStack()

    def tell(readings: Mapping[str, Mapping[str, Any]]) -> None:
        for name, reading in readings.items():
            told.tell(str(name), reading.get("value"), reading.get("timestamp"))

    async def begin() -> None:
        with ExitStack() as begun:
            for signal in signals.values():
                signal.subscribe_reading(tell)
                begun.callback(signal.clear_sub, tell)
            ends.push(begun.pop_all())

    async def finish() -> None:
        ends.close()

    try:
        _do_in_loop(begin, loop, timeout_s)
    except DeviceCallError:
        # It may begin yet; what follows it in the loop ends it.
        asyncio.run_coroutine_threadsafe(finish(), loop)
        raise
    return Subscribed(frozenset(signals), lambda: _do_in_loop(finish, loop, timeout_s))


def _do_in_loop(do: Callable[[], Any], loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
    waiting = asyncio.run_coroutine_threadsafe(do(), loop)
    try:
        waiting.result(timeout_s)
    except TimeoutError:
        # A device may raise the same.
        if waiting.done():
            raise
        raise DeviceCallError(f"the event loop has not answered within {timeout_s:g} s") from None
