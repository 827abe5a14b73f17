"""One device that somebody follows: the newest that is known of it, and who is told. Knows no socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal

from http_gateway.device_stream.topics import Place
from http_gateway.stream_frames import Frame, make_frame
from queue_server.clock import Clock
from queue_server.protocol.device_values import DeviceValues

PATIENCE_S: Final = 2.0
"""How long the first values may take until readers are told that there are none yet."""

_SILENT = "The worker has not told anything of this device yet."

State = Literal["open", "closed", "waiting"]
Listener = Callable[["DeviceWatch"], None]


class DeviceWatch:
    """Keeps the newest values of a device through the life of its environment; for one event loop."""

    def __init__(self, place: Place, clock: Clock, *, is_open: bool) -> None:
        self.place = place
        self._clock = clock
        self._state: State = "waiting" if is_open else "closed"
        self._values: DeviceValues | None = None
        self._gone = ""
        self._frames: dict[tuple[str, bool], Frame] = {}
        self._listeners: dict[int, Listener] = {}
        self._numbers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_overdue = False
        if is_open:
            self._wait()

    @property
    def is_listened_to(self) -> bool:
        """Whether anybody is told what is new."""
        return bool(self._listeners)

    @property
    def has_failed(self) -> bool:
        """Whether the worker has told that it does not follow the device."""
        return self._values is not None and bool(self._values.error)

    @property
    def is_known(self) -> bool:
        """Whether there is anything to tell."""
        return self._state != "waiting" or self._is_overdue

    def frame(self, topic: str, *, snapshot: bool) -> Frame:
        """Return the newest that is known, as a frame of a topic."""
        key = topic, snapshot
        if key not in self._frames:
            self._frames[key] = self._make_frame(topic, snapshot=snapshot)
        return self._frames[key]

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` after each change; return how to stop that."""
        self._numbers += 1
        number = self._numbers
        self._listeners[number] = listener

        def stop() -> None:
            self._listeners.pop(number, None)

        return stop

    def hear(self, values: DeviceValues) -> None:
        """Take what the worker tells."""
        if values.incarnation == self._gone:
            # It was told before the environment closed, and has come after that was known.
            return
        self._values = values
        self._change("open")

    def note_closed(self) -> None:
        """Take note that the environment has closed."""
        self._gone = "" if self._values is None else self._values.incarnation
        self._values = None
        self._change("closed")

    def note_opened(self) -> None:
        """Take note that the environment has opened; its worker is still to be heard of."""
        self._gone = ""
        if self._state == "closed":
            self._state = "waiting"
            self._wait()

    def close(self) -> None:
        """Wait for nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._tell_overdue)

    def _tell_overdue(self) -> None:
        self._is_overdue = True
        self._change("waiting")

    def _change(self, state: State) -> None:
        self.close()
        self._is_overdue = self._is_overdue and state == "waiting"
        self._state = state
        self._frames.clear()
        for listener in list(self._listeners.values()):
            listener(self)

    def _make_frame(self, topic: str, *, snapshot: bool) -> Frame:
        place, values = self.place, self._values
        data: dict[str, Any] = {"lane": place.lane, "name": place.device, "state": self._state, "readings": {}}
        if values is None:
            data |= {"note": _SILENT} if self._is_overdue else {}
            return make_frame(topic, 0, self._clock.wall(), data, key=place.key, snapshot=snapshot)
        data["readings"] = values.readings
        told = {"is_moving": values.is_moving, "note": values.note, "error": values.error}
        data |= {name: value for name, value in told.items() if value not in (None, "")}
        return make_frame(topic, values.number, values.time, data, key=place.key, snapshot=snapshot)
