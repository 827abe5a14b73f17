"""What one reader of the stream has of the devices of one topic, while they come and go. Knows no socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from http_gateway.device_stream.topics import EVERY, DeviceTopic, Place
from http_gateway.device_stream.watch import DeviceWatch
from http_gateway.problem import describe_error
from http_gateway.run_stream.hub import Viewer
from http_gateway.stream_frames import Frame, LatestBuffer, make_frame, make_notice
from queue_server.protocol.device_values import MOST_HZ
from queue_server.protocol.errors import CuelightError

MOST_FOLLOWED = 1024
"""Devices that are followed at the same time, in one gateway."""


class _TakenBuffer(LatestBuffer):
    """Remembers of which devices something has left: what is replaced before that has not been the first."""

    def __init__(self, least_s: float, most_keys: int) -> None:
        super().__init__(least_s, most_keys)
        self.taken: set[str] = set()

    def take(self, now_s: float) -> Frame:
        """Return the frame whose key is free for the longest time."""
        frame = super().take(now_s)
        self.taken.add(frame.key)
        return frame


class DeviceReader:
    """Gets the newest of each device of a topic: at first what is known of it."""

    def __init__(self, topic: DeviceTopic, viewer: Viewer) -> None:
        self.topic = topic
        self.caller = viewer.caller
        self.buffer = _TakenBuffer(viewer.least_s(MOST_HZ), MOST_FOLLOWED)
        self.buffer.fill(())
        self._wake = viewer.wake
        self._listed: list[str] | None = None
        self._lists = 0
        self._stops: dict[Place, Callable[[], None]] = {}

    @property
    def places(self) -> frozenset[Place]:
        """The devices that it follows now."""
        return frozenset(self._stops)

    def list(self, places: Iterable[Place], time: float) -> None:
        """Tell a reader of every device which they are now; ``time`` in seconds since 1970-01-01 UTC."""
        names = sorted(place.name for place in places)
        if self.topic.device != EVERY or names == self._listed:
            return
        self._listed, self._lists = names, self._lists + 1
        is_first = EVERY not in self.buffer.taken
        self.buffer.put(
            make_frame(self.topic.name, self._lists, time, {"devices": names}, key=EVERY, snapshot=is_first)
        )
        self._wake()

    def begin(self, watch: DeviceWatch) -> None:
        """Follow a device."""
        self._stops[watch.place] = watch.listen(self._hear)
        if watch.is_known:
            self._hear(watch)

    def leave(self, places: Iterable[Place]) -> None:
        """Follow these devices no more."""
        for place in places:
            self._stops.pop(place)()
            self.buffer.taken.discard(place.key)

    def tell(self, error: CuelightError) -> None:
        """Say why nothing is followed."""
        self.buffer.put(make_notice("error", self.topic.name, **describe_error(error)))
        self._wake()

    def _hear(self, watch: DeviceWatch) -> None:
        name = watch.place.topic if self.topic.device == EVERY else self.topic.name
        self.buffer.put(watch.frame(name, snapshot=watch.place.key not in self.buffer.taken))
        self._wake()
