"""One device that somebody follows, in a thread of its own: a device that hangs keeps that thread and nothing else."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from device_worker.device_calls import DeviceCallError, call_device
from device_worker.device_reading import read_device
from device_worker.device_values.newest import NewestValues
from device_worker.device_values.signals import Subscribed, subscribe
from device_worker.profile import ProfileError
from device_worker.profile.boundary import profile_code
from queue_server.clock import Clock

_log = logging.getLogger(__name__)

BEGIN_S: Final = 10.0
"""How long a device has until it is reported that it does not answer."""

MOST_BEGINNING: Final = 4
"""Devices that are asked at the same time, so that many of them do not disturb a plan."""

_LONGEST_TEXT = 1000


class Devices(Protocol):
    """The open environment, as far as its devices can be followed."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the RunEngine."""
        ...

    def find_device(self, name: str) -> Any:
        """Return a device.

        Raises:
            ProfileError: there is none of this name.
        """
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What all followers share."""

    clock: Clock
    places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MOST_BEGINNING))


class Follower:
    """Subscribes to a device as long as it is wanted, and anew when its name means another one."""

    def __init__(self, name: str, devices: Devices, values: NewestValues, means: Means) -> None:
        self.name = name
        self.values = values
        self._devices = devices
        self._places = means.places
        self._clock = means.clock
        self._changed = threading.Event()
        self._wanted = True

    def start(self, may_end: Callable[[], bool]) -> None:
        """Begin; ``may_end`` is asked each time when nobody wants it, and once it has agreed that is the end.

        Raises:
            RuntimeError: there is no thread for it.
        """
        threading.Thread(target=self._run, args=(may_end,), name=f"values of {self.name}", daemon=True).start()

    @property
    def is_wanted(self) -> bool:
        """Whether anybody wants it."""
        return self._wanted

    def want(self, *, wanted: bool) -> None:
        """Go on, or end as soon as the device lets it."""
        self._wanted = wanted
        self._changed.set()

    def look_again(self) -> None:
        """Find out whether the name means another device now."""
        self._changed.set()

    def _run(self, may_end: Callable[[], bool]) -> None:
        while self._wanted or not may_end():
            self._changed.clear()
            if self._wanted:
                self._follow()

    def _follow(self) -> None:
        """Follow what the name means now, until it means something else, or nobody wants it."""
        try:
            device, subscribed = self._begin()
        except ProfileError as error:
            _log.warning("%s", error)
            self.values.fail(str(error)[:_LONGEST_TEXT])
            self._changed.wait()
            return
        while self._wanted and self._means(device):
            self._changed.wait()
            self._changed.clear()
        self._end(subscribed)

    def _begin(self) -> tuple[Any, Subscribed]:
        # One that hangs keeps its place for a while only.
        has_place = self._places.acquire(timeout=BEGIN_S)
        try:
            self.values.expect(self._clock.monotonic() + BEGIN_S)
            with profile_code(f"{self.name!r} cannot be followed"):
                device = self._devices.find_device(self.name)
                return device, self._subscribe(device)
        finally:
            if has_place:
                self._places.release()

    def _subscribe(self, device: Any) -> Subscribed:
        if not callable(getattr(device, "describe", None)):
            raise DeviceCallError("it has no describe()")
        loop = self._devices.loop
        names: Mapping[str, Any] = call_device(device.describe, device=device, loop=loop, timeout_s=BEGIN_S)
        subscribed = subscribe(device, names, self.values, loop, BEGIN_S)
        try:
            # What was told before the subscription is not told again.
            readings = read_device(device, loop, BEGIN_S)
            self.values.begin(readings, _is_moving(device), _describe_rest(names, subscribed.names))
        except BaseException:
            subscribed.stop()
            raise
        return subscribed

    def _means(self, device: Any) -> bool:
        try:
            with profile_code(f"{self.name!r} is gone"):
                return self._devices.find_device(self.name) is device
        except ProfileError:
            return False

    def _end(self, subscribed: Subscribed) -> None:
        try:
            with profile_code(f"The subscription to {self.name!r} was not ended"):
                subscribed.stop()
        except ProfileError as error:
            _log.warning("%s", error)


def _is_moving(device: Any) -> bool | None:
    """Return whether a device says that it moves; nothing of ophyd-async, which would have to be asked in its loop."""
    if not callable(getattr(device, "subscribe", None)):
        return None
    is_moving = getattr(device, "moving", None)
    return is_moving if isinstance(is_moving, bool) else None


def _describe_rest(names: Mapping[str, Any], followed: frozenset[str]) -> str:
    rest = sorted(str(name) for name in names if str(name) not in followed)
    if not rest:
        return ""
    if len(rest) == len(names):
        return "The device tells no changes: this is what it told when it was read, and it is not read again."
    return f"Not told as they change: {', '.join(rest)[:_LONGEST_TEXT]}."
