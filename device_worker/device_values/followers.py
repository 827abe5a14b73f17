"""Which devices are followed: one follower each, as long as anybody wants its values. Knows no socket."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from device_worker.device_values.follower import Devices, Follower, Means
from device_worker.device_values.newest import Content, NewestValues
from queue_server.clock import Clock
from queue_server.protocol.device_values import MOST_WATCHED

_log = logging.getLogger(__name__)

_TOO_MANY = f"{MOST_WATCHED} devices of this worker are followed already; end one of them first."


class Followers:
    """Follows what is wanted, once there are devices; ``wake`` is called from any thread when there is more to tell."""

    def __init__(self, clock: Clock, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._wake = wake
        self._means = Means(clock)
        self._lock = threading.Lock()
        self._devices: Devices | None = None
        self._awaited: set[str] = set()
        self._followers: dict[str, Follower] = {}
        self._refused: dict[str, NewestValues] = {}

    def use(self, devices: Devices) -> None:
        """Follow these devices from now on."""
        with self._lock:
            self._devices = devices
            for name in self._awaited:
                self._follow(name, devices)
            self._awaited.clear()

    def look_again(self) -> None:
        """Find out which names mean other devices now."""
        with self._lock:
            for follower in self._followers.values():
                follower.look_again()

    def want(self, name: str) -> None:
        """Follow a device; if it is already, its values are told again."""
        with self._lock:
            if self._devices is not None:
                self._follow(name, self._devices)
            elif len(self._awaited) < MOST_WATCHED:
                self._awaited.add(name)

    def unwant(self, name: str) -> None:
        """Follow a device no more."""
        with self._lock:
            self._awaited.discard(name)
            self._refused.pop(name, None)
            follower = self._followers.get(name)
            if follower is not None:
                follower.want(wanted=False)

    def repeat(self, name: str) -> None:
        """Tell the values of a device again; one that could not be followed is tried again."""
        with self._lock:
            if name in self._refused and self._devices is not None:
                self._follow(name, self._devices)
            follower = self._followers.get(name)
        if follower is None or not follower.is_wanted:
            return
        if follower.values.has_failed:
            follower.look_again()
        follower.values.repeat()

    def due_s(self) -> float | None:
        """Return the monotonic time at which something is to be told; None if nothing is new."""
        times = [due_s for _, values in self._told() if (due_s := values.due_s()) is not None]
        return min(times, default=None)

    def take_due(self) -> Iterator[tuple[str, Content]]:
        """Yield what is to be told now, by device."""
        for name, values in self._told():
            due_s, now_s = values.due_s(), self._clock.monotonic()
            if due_s is not None and due_s <= now_s:
                yield name, values.take(now_s)

    def _told(self) -> list[tuple[str, NewestValues]]:
        with self._lock:
            followed = [(follower.name, follower.values) for follower in self._followers.values() if follower.is_wanted]
            return [*followed, *self._refused.items()]

    def _follow(self, name: str, devices: Devices) -> None:
        follower = self._followers.get(name)
        if follower is not None:
            follower.want(wanted=True)
            follower.values.repeat()
        elif len(self._followers) >= MOST_WATCHED:
            self._refuse(name, _TOO_MANY)
        else:
            self._start(Follower(name, devices, NewestValues(self._wake), self._means))

    def _start(self, follower: Follower) -> None:
        self._followers[follower.name] = follower
        self._refused.pop(follower.name, None)
        try:
            follower.start(lambda: self._may_end(follower))
        except RuntimeError as error:
            del self._followers[follower.name]
            self._refuse(follower.name, f"There is no thread to follow the device: {error}")

    def _refuse(self, name: str, error: str) -> None:
        if len(self._refused) >= MOST_WATCHED:
            _log.warning("%r is not followed: %s", name, error)
            return
        values = self._refused.setdefault(name, NewestValues(self._wake))
        values.fail(error)

    def _may_end(self, follower: Follower) -> bool:
        with self._lock:
            if follower.is_wanted:
                return False
            self._followers.pop(follower.name, None)
            return True
