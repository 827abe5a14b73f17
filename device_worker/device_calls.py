"""Calls of single devices outside of plans: set one and wait until it is there, stop one, ask one. Owns no thread.

What a device does is the profile's code: whatever it raises leaves here as a ProfileError.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from device_worker.activity import Activity
from device_worker.movables import Movable, Movables
from device_worker.profile import ProfileError
from device_worker.profile.boundary import profile_code
from device_worker.stop_calls import StopCalls

_log = logging.getLogger(__name__)

CHECK_S = 10.0
"""How long a device has to say whether a value is within its limits."""

STOP_S = 10.0
"""How long the ``stop()`` of a device may take."""


class Place(Protocol):
    """Where devices that need an event loop find it."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the RunEngine."""
        ...


class DeviceCallError(Exception):
    """A device was not called, or has not done what it was told."""


class DeviceCalls:
    """Sets and stops devices, from any thread but that of the event loop; an emergency stop comes first."""

    def __init__(self, place: Place, activity: Activity, movables: Movables) -> None:
        self._place = place
        self._activity = activity
        self._movables = movables

    def set(self, name: str, device: Any, value: Any, timeout_s: float) -> None:
        """Set a device, and wait until it is there.

        Raises:
            ProfileError: the value is beyond its limits, and nothing was moved; or it has failed, or not arrived in
                ``timeout_s`` seconds, and was told to stop.
        """
        with profile_code(f"{name!r} was not set"):
            if not callable(getattr(device, "set", None)):
                raise DeviceCallError("it has no set()")
            self._check(device, value)
        # From here on an emergency stop knows it; one that came before is seen now, and one that comes while set() is
        # being called is seen after that.
        self._movables.touch(device)
        with profile_code(f"{name!r} has not arrived"):
            self._require_calm()
            is_there = self._move(device, value, timeout_s)
        if not is_there:
            self._stop_late(name, device)
            raise ProfileError(f"{name!r} has not arrived within {timeout_s:g} s and was told to stop")

    def stop(self, name: str, device: Any) -> None:
        """Stop a device.

        Raises:
            ProfileError: it has no ``stop()``, or that has failed or not returned in time.
        """
        calls = StopCalls((Movable(name, device),), self._place.loop)
        calls.start()
        report = calls.report(1, time.monotonic() + STOP_S)
        for note in (*report.failed, *report.not_reached):
            raise ProfileError(f"{name!r} was not stopped: {note.reason}")

    def _check(self, device: Any, value: Any) -> None:
        check = getattr(device, "check_value", None)
        if callable(check):
            call_device(check, value, device=device, loop=self._place.loop, timeout_s=CHECK_S)
        limits = find_limits(device)
        if limits is not None and isinstance(value, (int, float)) and not limits[0] <= value <= limits[1]:
            raise DeviceCallError(f"{value!r} is beyond its limits, {limits[0]!r} to {limits[1]!r}")

    def _require_calm(self) -> None:
        emergency = self._activity.emergency
        if emergency is not None:
            raise DeviceCallError(f"emergency stop ({emergency.reason})")

    def _move(self, device: Any, value: Any, timeout_s: float) -> bool:
        """Return whether the device is there, False if its time is over."""
        if needs_loop(device, "set"):
            moving = asyncio.run_coroutine_threadsafe(self._move_in_loop(device, value), self._place.loop)
            return _wait(moving.result, moving.done, timeout_s)
        status = device.set(value)
        if self._activity.emergency is not None:
            device.stop()
        if inspect.isawaitable(status):
            waiting = asyncio.run_coroutine_threadsafe(_wait_for(status), self._place.loop)
            return _wait(waiting.result, waiting.done, timeout_s)
        return status is None or _wait_for_status(status, timeout_s)

    async def _move_in_loop(self, device: Any, value: Any) -> None:
        status = device.set(value)
        if self._activity.emergency is not None:
            await _wait_for(device.stop())
        await _wait_for(status)

    def _stop_late(self, name: str, device: Any) -> None:
        try:
            self.stop(name, device)
        except ProfileError as error:
            _log.error("A device that has not arrived in time may still move: %s", error)


def find_limits(device: Any) -> tuple[float, float] | None:
    """Return the limits of a device, low and high; None where it has none. Both zero, as in EPICS, are none."""
    limits = getattr(device, "limits", None)
    if not isinstance(limits, (tuple, list)) or len(limits) != 2:
        return None
    low, high = limits
    are_numbers = isinstance(low, (int, float)) and isinstance(high, (int, float))
    return (low, high) if are_numbers and low < high else None


def needs_loop(device: Any, method: str) -> bool:
    """Return whether a method of a device must be called in the event loop, as those of ophyd-async."""
    return any(inspect.iscoroutinefunction(getattr(device, name, None)) for name in (method, "connect"))


def call_device(
    method: Callable[..., Any], *args: Any, device: Any, loop: asyncio.AbstractEventLoop, timeout_s: float
) -> Any:
    """Return what a method of a device returns; only what needs the event loop is held to the time.

    Raises:
        DeviceCallError: it was not done in time.
        Exception: whatever the method raises.
    """

    async def call() -> Any:
        return await _wait_for(method(*args))

    if needs_loop(device, method.__name__):
        waiting = asyncio.run_coroutine_threadsafe(call(), loop)
    else:
        result = method(*args)
        if not inspect.isawaitable(result):
            return result
        waiting = asyncio.run_coroutine_threadsafe(_wait_for(result), loop)
    if not _wait(waiting.result, waiting.done, timeout_s):
        waiting.cancel()
        raise DeviceCallError(f"it has not answered within {timeout_s:g} s")
    return waiting.result()


def _wait(wait: Callable[[float], object], is_done: Callable[[], bool], timeout_s: float) -> bool:
    try:
        wait(timeout_s)
    except TimeoutError:
        # A device may raise the same.
        if is_done():
            raise
        return False
    return True


def _wait_for_status(status: Any, timeout_s: float) -> bool:
    ended = threading.Event()
    status.add_callback(lambda *_: ended.set())
    if not ended.wait(timeout_s):
        return False
    if not status.success:
        raise status.exception(timeout=0) or DeviceCallError("it has failed, and does not say why")
    return True


async def _wait_for(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
